//! Several sources as one.

use futures_util::{StreamExt, stream};
use stream_processor::{Connect, FromStream, StreamProcessor, combine_latest, merge, zip};
use tokio::sync::mpsc;

async fn all<S: Connect<Source: Unpin, Item: Unpin>>(source: S) -> Vec<S::Item> {
    let output = StreamProcessor::from_source(source).open().await.unwrap();
    output.map(Result::unwrap).collect().await
}

fn list<T: Send>(
    items: impl IntoIterator<Item = T, IntoIter: Send>,
) -> impl Connect<Item = T, Source: Unpin> {
    FromStream::new(stream::iter(items))
}

#[tokio::test]
async fn merged_sources_take_turns_until_both_end() {
    assert_eq!(all(merge(list([1, 3]), list([2, 4, 5, 6]))).await, [1, 2, 3, 4, 5, 6]);
    assert_eq!(all(merge(list([1]), list([]))).await, [1]);
}

#[tokio::test]
async fn zipped_sources_end_with_the_shorter_one() {
    assert_eq!(all(zip(list([1, 2, 3]), list(['a', 'b']))).await, [(1, 'a'), (2, 'b')]);
    assert_eq!(all(zip(list([1]), list(['a', 'b']))).await, [(1, 'a')]);
}

#[tokio::test]
async fn the_latest_of_both_come_whenever_either_does() {
    let (numbers, more_numbers) = mpsc::unbounded_channel();
    let (letters, more_letters) = mpsc::unbounded_channel();
    let receive = |channel| {
        Box::pin(stream::unfold(channel, async |mut channel: mpsc::UnboundedReceiver<u32>| {
            channel.recv().await.map(|item| (item, channel))
        }))
    };
    let sources = (FromStream::new(receive(more_numbers)), FromStream::new(receive(more_letters)));
    let source = combine_latest(sources.0, sources.1);
    let mut output = StreamProcessor::from_source(source).open().await.unwrap();
    numbers.send(1).unwrap();
    numbers.send(2).unwrap();
    letters.send(10).unwrap();
    assert_eq!(output.next().await.unwrap().unwrap(), (2, 10));
    numbers.send(3).unwrap();
    assert_eq!(output.next().await.unwrap().unwrap(), (3, 10));
    drop(numbers);
    letters.send(20).unwrap();
    assert_eq!(output.next().await.unwrap().unwrap(), (3, 20));
    drop(letters);
    assert!(output.next().await.is_none());
}

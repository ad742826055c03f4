//! What a reader is told, in which order, and when.

use super::*;

const IDLE: Duration = Duration::from_secs(10);

/// The one place where these tests ask for an instant; all others are made from it.
fn t0() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "an instant cannot be made otherwise")]
    Instant::now()
}

fn session<S>(now: Instant) -> Session<S> {
    Session::new(SessionOptions::default().heartbeat(IDLE), now)
}

/// What was sent, as (name, data, whether it has a position) in text, and the closing code.
fn drain<S: Source>(session: &mut Session<S>) -> (Vec<String>, Option<CloseCode>) {
    let mut sent = Vec::new();
    while let Some(output) = session.poll_output() {
        match output {
            Output::Send(notice) => sent.push(format!(
                "{} {}{}",
                notice.event_name().unwrap_or("-"),
                notice.data().unwrap_or_default(),
                if notice.has_position() { " +" } else { "" },
            )),
            Output::Close(code) => {
                assert!(session.poll_output().is_none());
                return (sent, Some(code));
            }
        }
    }
    (sent, None)
}

#[test]
fn the_position_comes_first() {
    let mut session = session::<()>(t0());
    assert_eq!(drain(&mut session), (vec!["- null +".to_owned()], None));
}

#[test]
fn gaps_are_told_with_the_place_to_go_on() {
    let now = t0();
    let mut session = session(now);
    drain(&mut session);
    let gap = Gap::Trimmed { from: Offset::new(3), to: Offset::new(8) };
    session.handle_input(now, Input::Gap((), gap));
    assert_eq!(drain(&mut session).0, [r#"trimmed {"from":3,"missed":5,"to":8} +"#]);
    let earliest = StreamPosition { epoch: Epoch::new(0xf), offset: Offset::ZERO };
    let gap = Gap::EpochChanged { asked: Epoch::new(0xe), earliest };
    session.handle_input(now, Input::Gap((), gap));
    assert_eq!(drain(&mut session).0, [r#"epoch-changed {"from":"e","offset":0,"to":"f"} +"#]);
}

#[test]
fn a_reader_of_many_topics_is_told_which() {
    let now = t0();
    let mut session = session(now);
    drain(&mut session);
    let topic = Topic::new("a.b").unwrap();
    let gap = Gap::Damaged { from: Offset::new(3), to: Offset::new(4) };
    session.handle_input(now, Input::Gap(topic.clone(), gap));
    session.handle_input(now, Input::Deleted(topic));
    let (sent, closed) = drain(&mut session);
    let damaged = r#"damaged {"from":3,"missed":1,"to":4,"topic":"a.b"} +"#;
    assert_eq!((sent, closed), (vec![damaged.into(), r#"deleted {"topic":"a.b"} +"#.into()], None));
}

#[test]
fn a_heartbeat_comes_after_silence_only() {
    let start = t0();
    let mut session = session::<()>(start);
    drain(&mut session);
    session.handle_timeout(start + IDLE.saturating_sub(Duration::from_millis(1)));
    assert_eq!(drain(&mut session).0, [""; 0]);
    let delivered = start + IDLE / 2;
    session.handle_input(delivered, Input::Delivered);
    session.handle_timeout(start + IDLE);
    assert_eq!(drain(&mut session).0, [""; 0]);
    assert_eq!(session.poll_timeout(), delivered + IDLE);
    session.handle_timeout(delivered + IDLE);
    assert_eq!(drain(&mut session).0, ["heartbeat {}"]);
    assert_eq!(session.poll_timeout(), delivered + 2 * IDLE);
}

#[test]
fn the_end_says_why() {
    let now = t0();
    for (code, want) in [
        (CloseCode::Shutdown, r#"disconnect {"code":4000,"reason":"shutdown","reconnect":true} +"#),
        (CloseCode::Ended, r#"disconnect {"code":4500,"reason":"ended","reconnect":false} +"#),
    ] {
        let mut session = session::<()>(now);
        drain(&mut session);
        session.handle_input(now, Input::Delivered);
        session.handle_input(now, Input::Ended(code));
        assert_eq!(drain(&mut session), (vec![want.to_owned()], Some(code)));
        session.handle_input(now, Input::Ended(CloseCode::Shutdown));
        session.handle_timeout(now + 9 * IDLE);
        assert_eq!(drain(&mut session), (vec![], None), "nothing comes after the end");
    }
}

#[test]
fn an_end_that_the_last_event_told_is_not_told_again() {
    let options = SessionOptions::default().announce_end(false);
    let now = t0();
    let mut quiet = Session::<()>::new(options, now);
    drain(&mut quiet);
    quiet.handle_input(now, Input::Ended(CloseCode::Ended));
    assert_eq!(drain(&mut quiet), (vec![], Some(CloseCode::Ended)));
    let mut loud = Session::<()>::new(options, now);
    drain(&mut loud);
    loud.handle_input(now, Input::Ended(CloseCode::Shutdown));
    assert_eq!(drain(&mut loud).0.len(), 1, "a shutdown is told always");
}

#[test]
fn a_token_that_expires_ends_its_connection() {
    let start = t0();
    let expires = start + IDLE * 3 / 2;
    let options = SessionOptions::default().heartbeat(IDLE).expires(Some(expires));
    let mut session = Session::<()>::new(options, start);
    drain(&mut session);
    assert_eq!(session.poll_timeout(), start + IDLE);
    session.handle_timeout(start + IDLE);
    assert_eq!(drain(&mut session).0, ["heartbeat {}"]);
    assert_eq!(session.poll_timeout(), expires);
    session.handle_timeout(expires);
    let end = r#"disconnect {"code":4003,"reason":"token-expired","reconnect":true} +"#;
    assert_eq!(drain(&mut session), (vec![end.to_owned()], Some(CloseCode::TokenExpired)));
}

#[test]
fn a_reader_that_is_never_waited_for_is_ended_too() {
    let start = t0();
    let options = SessionOptions::default().expires(Some(start + IDLE));
    let mut session = Session::<()>::new(options, start);
    session.handle_input(start + IDLE / 2, Input::Delivered);
    assert_eq!(drain(&mut session).1, None);
    session.handle_input(start + IDLE, Input::Delivered);
    assert_eq!(drain(&mut session).1, Some(CloseCode::TokenExpired));
}

//! A connection's events of many topics.

use stream_log::ReadError;
use stream_model::Topic;
use stream_protocol::CloseCode;
use stream_protocol::session::Notice;

use super::{ManyReader, Seen};
use crate::chunk::Chunk;
use crate::feed::{Feed, Found};
use crate::frame::{encode, notice_frame};
use crate::item::TopicItem;
use crate::message;

/// In which form events are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ManyForm {
    /// Server-sent events; their data is the event with its topic and place, as JSON.
    Frames,
    /// Lines of JSON.
    Lines,
}

/// Many topics, in one form.
pub(crate) struct ManyFeed {
    reader: ManyReader,
    form: ManyForm,
    /// Where the reader stood when its token was last short enough.
    token: String,
}

impl ManyFeed {
    pub(crate) fn new(reader: ManyReader, form: ManyForm) -> Self {
        let token = reader.token().unwrap_or_default();
        Self { reader, form, token }
    }

    fn write(&mut self, seen: Seen, chunk: &mut Chunk) -> Found<Topic> {
        match seen {
            Seen::Nothing => return Found::Nothing,
            Seen::End(code) => return Found::End(code),
            Seen::Event(_) | Seen::Gap(..) | Seen::Deleted(_) => {}
        }
        match self.reader.token() {
            Some(token) => self.token = token,
            // The event is not written: the reader gets it when it comes back with fewer topics.
            None => return Found::End(CloseCode::TooManyTopics),
        }
        match seen {
            Seen::Event(item) => {
                self.write_event(&item, chunk);
                Found::Record
            }
            Seen::Gap(topic, gap) => Found::Gap(topic, gap),
            Seen::Deleted(topic) => Found::Deleted(topic),
            Seen::Nothing | Seen::End(_) => Found::Nothing,
        }
    }

    fn write_event(&self, item: &TopicItem, chunk: &mut Chunk) {
        match self.form {
            ManyForm::Frames => {
                let (token, name) = (&self.token, item.event_name());
                chunk.push(&encode(Some(token), Some(name), Some(item.entry())));
            }
            ManyForm::Lines => {
                chunk.line(|out| message::put_event(out, item, None, &self.token));
            }
        }
    }
}

impl Feed for ManyFeed {
    type Source = Topic;

    fn try_take(&mut self, chunk: &mut Chunk) -> Option<Found<Topic>> {
        let seen = self.reader.try_next()?;
        Some(self.write(seen, chunk))
    }

    async fn take(&mut self, chunk: &mut Chunk) -> Result<Found<Topic>, ReadError> {
        let seen = self.reader.next().await;
        Ok(self.write(seen, chunk))
    }

    fn notice(&mut self, notice: &Notice<Topic>, chunk: &mut Chunk) {
        match self.form {
            ManyForm::Frames => chunk.push(&notice_frame(notice, &self.token)),
            ManyForm::Lines => {
                chunk.line(|out| message::put_notice(out, notice, None, Some(&self.token)));
            }
        }
    }

    fn begin_drain(&mut self) {
        self.reader.begin_drain();
    }

    fn is_drained(&self) -> bool {
        self.reader.is_drained()
    }

    fn is_over(&self) -> bool {
        false
    }

    fn tells_its_end(&self) -> bool {
        true
    }
}

//! Converts events between the documents' dictionaries and `CloudEvents`, one JSON object a line.
//!
//! ```text
//! echo '{"type":"error","data":{"code":7}}' | cargo run --example cloud_events -- to /shop
//! echo '{"specversion":"1.0",…}' | cargo run --example cloud_events -- from
//! ```

use std::error::Error;
use std::io::{self, BufRead as _, Write as _};

use stream_model::Event;
use stream_model::cloud_event::{self, Source};

type Failure = Box<dyn Error>;

/// Which way to convert.
enum Direction {
    /// Out of dictionaries; events that name no source get this one.
    To(Source),
    From,
}

impl Direction {
    fn from_arguments() -> Result<Self, Failure> {
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["to", source] => Ok(Self::To(Source::new(source)?)),
            ["from"] => Ok(Self::From),
            _ => Err("usage: cloud_events to SOURCE | cloud_events from".into()),
        }
    }

    fn convert(&self, line: &str) -> Result<String, Failure> {
        Ok(match self {
            Self::To(source) => {
                cloud_event::to_json(&serde_json::from_str::<Event>(line)?, source)?
            }
            Self::From => serde_json::to_string(&cloud_event::from_json(line.as_bytes())?)?,
        })
    }
}

fn main() -> Result<(), Failure> {
    let direction = Direction::from_arguments()?;
    let mut out = io::stdout().lock();
    for (number, line) in (1..).zip(io::stdin().lock().lines()) {
        match direction.convert(&line?) {
            Ok(converted) => writeln!(out, "{converted}")?,
            // A bad line is no reason to lose the good ones.
            Err(error) => writeln!(io::stderr(), "line {number}: {error}")?,
        }
    }
    Ok(())
}

//! Decodes a recorded provider stream and prints its events as JSON, one a line.
//!
//! ```text
//! cargo run --example decode -- [--format NAME] [FILE]
//! ```
//! Without a file it reads standard input; without a format it finds it out.

use std::io::{self, Read, Write};
use std::{env, fs};

use llm_stream::Decoder;

/// Bytes that are read at once, so that events are printed while a slow input still runs.
const READ_BYTES: usize = 4096;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = env::args().skip(1).peekable();
    let mut decoder = match arguments.next_if(|argument| argument == "--format") {
        Some(_) => Decoder::new(arguments.next().ok_or("--format needs a name")?.parse()?),
        None => Decoder::detect(),
    };
    let mut input: Box<dyn Read> = match arguments.next() {
        Some(file) => Box::new(fs::File::open(file)?),
        None => Box::new(io::stdin()),
    };
    let mut output = io::stdout().lock();
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let length = input.read(&mut buffer)?;
        match buffer.get(..length) {
            None | Some([]) => break,
            Some(chunk) => decoder.push(chunk),
        }
        print(&mut decoder, &mut output)?;
    }
    decoder.finish();
    print(&mut decoder, &mut output)?;
    Ok(())
}

fn print(decoder: &mut Decoder, output: &mut impl Write) -> io::Result<()> {
    let mut line = Vec::new();
    while let Some(event) = decoder.next_event() {
        line.clear();
        event.write_json(&mut line);
        line.push(b'\n');
        output.write_all(&line)?;
    }
    output.flush()
}

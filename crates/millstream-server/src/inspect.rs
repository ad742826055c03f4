//! `millstream inspect`: what a data folder holds.

use anyhow::Context as _;
use millstream::disk::{Inspection, LogReport, SegmentReport, inspect};
use serde_json::{Value, json};

use crate::cli::InspectArgs;

pub(crate) fn run(args: &InspectArgs) -> anyhow::Result<()> {
    let path = args.data.display();
    let inspection = inspect(&args.data).with_context(|| format!("cannot inspect {path}"))?;
    if args.json {
        println!("{:#}", as_json(&inspection));
    } else {
        print!("{}", as_text(&inspection));
    }
    Ok(())
}

fn as_json(inspection: &Inspection) -> Value {
    let segment = |segment: &SegmentReport| {
        json!({
            "number": segment.number,
            "sealed": segment.sealed,
            "file_bytes": segment.file_bytes,
            "used_bytes": segment.used_bytes,
            "live_bytes": segment.live_bytes,
            "compacted": segment.compacted,
            "frames": segment.frames,
            "records": segment.records,
        })
    };
    let log = |log: &LogReport| {
        json!({
            "name": log.name,
            "epoch": log.epoch.to_string(),
            "earliest": log.earliest.get(),
            "next": log.next.get(),
            "bytes": log.bytes,
            "closed": log.closed,
            "producers": log.producers,
            "segments": log.segments,
        })
    };
    json!({
        "segments": inspection.segments.iter().map(segment).collect::<Vec<_>>(),
        "logs": inspection.logs.iter().map(log).collect::<Vec<_>>(),
        "damage": inspection.damage.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

fn as_text(inspection: &Inspection) -> String {
    let Inspection { segments, logs, damage, .. } = inspection;
    let mut lines = vec![
        "segment            state   frames   records  live bytes  used bytes  file bytes".into(),
    ];
    for segment in segments {
        lines.push(format!(
            "{:016x}  {:>6} {:>8} {:>9} {:>11} {:>11} {:>11}",
            segment.number,
            if segment.sealed { "sealed" } else { "active" },
            segment.frames,
            segment.records,
            segment.live_bytes,
            segment.used_bytes,
            segment.file_bytes,
        ));
    }
    lines.push(String::new());
    lines.push("epoch              earliest       next       bytes  log".into());
    for log in logs {
        let closed = if log.closed { " (closed)" } else { "" };
        lines.push(format!(
            "{:<16} {:>10} {:>10} {:>11}  {}{closed}",
            log.epoch.to_string(),
            log.earliest.get(),
            log.next.get(),
            log.bytes,
            log.name,
        ));
    }
    lines.push(String::new());
    let (some, many) = (segments.len(), logs.len());
    lines.push(format!("{some} segments, {many} logs, {} damaged places", damage.len()));
    lines.extend(damage.iter().map(|damage| format!("damage: {damage}")));
    lines.push(String::new());
    lines.join("\n")
}

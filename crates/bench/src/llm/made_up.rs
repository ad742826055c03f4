//! Streams in the form in which four providers send them, made up from a seed.
//!
//! Names, fields and their order are those of the real services; ids and texts mean nothing.

use llm_stream::Format;
use serde_json::Value;

use super::recording::Recording;

/// Answers of each format.
const ANSWERS: u64 = 8;
/// Deltas of text of one answer.
const TEXT_DELTAS: usize = 400;
/// Deltas of reasoning of one answer.
const REASONING_DELTAS: usize = 80;
/// Tokens that Gemini sends at a time.
const GEMINI_TOKENS: usize = 20;
/// Characters of a tool's arguments that are sent at a time.
const ARGUMENT_CHARS: usize = 6;

/// What answers are made of, one token each.
const TOKENS: [&str; 56] = [
    "The",
    " mill",
    " stream",
    " carries",
    " every",
    " grain",
    ",",
    " and",
    " the",
    " wheel",
    " turns",
    " as",
    " long",
    " as",
    " water",
    " comes",
    ".",
    " It",
    " is",
    " not",
    " the",
    " miller",
    " who",
    " decides",
    ":",
    " \"",
    "slow",
    " rivers",
    "\"",
    " also",
    " move",
    " stones",
    ".\n\n",
    "##",
    " Why",
    "?",
    "\n",
    "- ",
    "`",
    "let",
    " x",
    " =",
    " ",
    "42",
    ";",
    "`",
    "\n\t",
    "Mühle",
    " größer",
    " –",
    " 水車",
    "が",
    "回る",
    " 🌾",
    " \\",
    "path",
];

/// The same streams each time: some of each of four formats, all in SSE framing.
pub fn streams() -> Vec<Recording> {
    let makers: [fn(&mut Voice) -> Recording; 4] =
        [openai_chat, openai_responses, anthropic, gemini];
    let answers = 0..ANSWERS;
    answers.flat_map(|seed| makers.map(|make| make(&mut Voice::new(seed)))).collect()
}

/// Says something else for each seed.
struct Voice {
    random: fastrand::Rng,
}

impl Voice {
    fn new(seed: u64) -> Self {
        Self { random: fastrand::Rng::with_seed(seed) }
    }

    fn token(&mut self) -> &'static str {
        TOKENS[self.random.usize(..TOKENS.len())]
    }

    /// `count` tokens, each as a JSON string.
    fn tokens(&mut self, count: usize) -> Vec<String> {
        (0..count).map(|_| quoted(self.token())).collect()
    }

    fn text(&mut self, tokens: usize) -> String {
        (0..tokens).map(|_| self.token()).collect()
    }

    /// Arguments of a tool, in compact JSON.
    fn arguments(&mut self) -> String {
        let (city, days) = (quoted(self.token()), self.random.u8(1..15));
        format!(r#"{{"city":{city},"days":{days},"note":{}}}"#, quoted(&self.text(30)))
    }

    /// The arguments in pieces, each as a JSON string.
    fn argument_pieces(&mut self) -> Vec<String> {
        let arguments: Vec<char> = self.arguments().chars().collect();
        let pieces = arguments.chunks(ARGUMENT_CHARS);
        pieces.map(|piece| quoted(&piece.iter().collect::<String>())).collect()
    }

    /// What providers add so that the length of a payload tells nothing.
    fn padding(&mut self) -> String {
        let length = self.random.usize(1..16);
        (0..length).map(|_| self.random.alphanumeric()).collect()
    }
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// Frames payloads; with `named`, each has its `type`, its first field, as the event's name.
fn recording(format: Format, payloads: &[String], line_end: &str, named: bool) -> Recording {
    let mut text = String::new();
    for payload in payloads {
        if let Some(name) = payload.split('"').nth(3).filter(|_| named) {
            text.extend(["event: ", name, line_end]);
        }
        text.extend(["data: ", payload, line_end, line_end]);
    }
    Recording { format, bytes: text.into_bytes() }
}

fn openai_chat(voice: &mut Voice) -> Recording {
    let mut payloads = Vec::new();
    let head = r#""id":"chatcmpl-BVb8gW8y2FQJzZ7Yw1xq3N5v","object":"chat.completion.chunk","created":1767323045,"model":"gpt-5-mini-2025-08-07","service_tier":"default","system_fingerprint":"fp_6f2eabb9a5""#;
    let mut chunk = |voice: &mut Voice, delta: &str, finish: &str| {
        let padding = voice.padding();
        payloads.push(format!(
            r#"{{{head},"choices":[{{"index":0,"delta":{{{delta}}},"logprobs":null,"finish_reason":{finish}}}],"usage":null,"obfuscation":"{padding}"}}"#
        ));
    };
    chunk(voice, r#""role":"assistant","content":"","refusal":null"#, "null");
    for token in voice.tokens(TEXT_DELTAS) {
        chunk(voice, &format!(r#""content":{token}"#), "null");
    }
    let call = r#""tool_calls":[{"index":0,"id":"call_4Zq1xW8yT2vB","type":"function","function":{"name":"forecast","arguments":""}}]"#;
    chunk(voice, call, "null");
    for piece in voice.argument_pieces() {
        let delta = format!(r#""tool_calls":[{{"index":0,"function":{{"arguments":{piece}}}}}]"#);
        chunk(voice, &delta, "null");
    }
    chunk(voice, "", r#""tool_calls""#);
    payloads.push(format!(
        r#"{{{head},"choices":[],"usage":{{"prompt_tokens":112,"completion_tokens":431,"total_tokens":543,"prompt_tokens_details":{{"cached_tokens":0,"audio_tokens":0}},"completion_tokens_details":{{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}}},"obfuscation":""}}"#
    ));
    payloads.push("[DONE]".to_owned());
    recording(Format::OpenAiChat, &payloads, "\n", false)
}

/// Payloads of OpenAI's Responses, which are numbered.
#[derive(Default)]
struct Responses {
    payloads: Vec<String>,
}

impl Responses {
    fn put(&mut self, kind: &str, fields: &str) {
        let number = self.payloads.len();
        self.payloads.push(format!(r#"{{"type":"{kind}",{fields},"sequence_number":{number}}}"#));
    }

    fn whole(&mut self, kind: &str, status: &str, output: &str, usage: &str) {
        self.put(kind, &format!(
            r#""response":{{"id":"resp_0d5b91a37ec2e2620169cb13c670e081","object":"response","created_at":1767323045,"status":"{status}","background":false,"completed_at":null,"error":null,"incomplete_details":null,"instructions":"You are a helpful assistant.","max_output_tokens":null,"max_tool_calls":null,"model":"gpt-5-mini-2025-08-07","output":[{output}],"parallel_tool_calls":true,"previous_response_id":null,"prompt_cache_key":null,"reasoning":{{"effort":"low","summary":"detailed"}},"safety_identifier":null,"service_tier":"default","store":false,"temperature":1.0,"text":{{"format":{{"type":"text"}},"verbosity":"medium"}},"tool_choice":"auto","tools":[{{"type":"function","description":"The weather to come","name":"forecast","parameters":{{"properties":{{"city":{{"type":"string"}},"days":{{"type":"integer"}},"note":{{"type":"string"}}}},"required":["city","days","note"],"type":"object","additionalProperties":false}},"strict":true}}],"top_logprobs":0,"top_p":1.0,"truncation":"disabled","usage":{usage},"user":null,"metadata":{{}}}}"#
        ));
    }

    /// Deltas, then the text of all of them.
    fn text(&mut self, voice: &mut Voice, event: &str, place: &str, tokens: &[String]) -> String {
        for token in tokens {
            let padding = voice.padding();
            let fields = format!(r#"{place},"delta":{token},"obfuscation":"{padding}""#);
            self.put(&format!("{event}.delta"), &fields);
        }
        let text = tokens.iter().map(|token| &token[1..token.len() - 1]).collect::<String>();
        format!("\"{text}\"")
    }
}

fn openai_responses(voice: &mut Voice) -> Recording {
    let mut events = Responses::default();
    events.whole("response.created", "in_progress", "", "null");
    events.whole("response.in_progress", "in_progress", "", "null");

    let id = r#""id":"rs_0d5b91a37ec2e262","type":"reasoning""#;
    events.put(
        "response.output_item.added",
        &format!(r#""output_index":0,"item":{{{id},"summary":[]}}"#),
    );
    let place = r#""item_id":"rs_0d5b91a37ec2e262","output_index":0,"summary_index":0"#;
    let part = |text: &str| format!(r#""part":{{"type":"summary_text","text":{text}}}"#);
    events.put("response.reasoning_summary_part.added", &format!("{place},{}", part("\"\"")));
    let tokens = voice.tokens(REASONING_DELTAS);
    let text = events.text(voice, "response.reasoning_summary_text", place, &tokens);
    events.put("response.reasoning_summary_text.done", &format!(r#"{place},"text":{text}"#));
    events.put("response.reasoning_summary_part.done", &format!("{place},{}", part(&text)));
    let reasoning = format!(r#"{{{id},"summary":[{{"type":"summary_text","text":{text}}}]}}"#);
    events.put("response.output_item.done", &format!(r#""output_index":0,"item":{reasoning}"#));

    let message = |status: &str, content: &str| {
        format!(
            r#"{{"id":"msg_0d5b91a37ec2e262","type":"message","status":"{status}","content":[{content}],"role":"assistant"}}"#
        )
    };
    let part = |text: &str| {
        format!(r#"{{"type":"output_text","annotations":[],"logprobs":[],"text":{text}}}"#)
    };
    let place =
        r#""content_index":0,"item_id":"msg_0d5b91a37ec2e262","logprobs":[],"output_index":1"#;
    let item = message("in_progress", "");
    events.put("response.output_item.added", &format!(r#""output_index":1,"item":{item}"#));
    events.put("response.content_part.added", &format!(r#"{place},"part":{}"#, part("\"\"")));
    let tokens = voice.tokens(TEXT_DELTAS);
    let text = events.text(voice, "response.output_text", place, &tokens);
    events.put("response.output_text.done", &format!(r#"{place},"text":{text}"#));
    events.put("response.content_part.done", &format!(r#"{place},"part":{}"#, part(&text)));
    let message = message("completed", &part(&text));
    events.put("response.output_item.done", &format!(r#""output_index":1,"item":{message}"#));

    let call = responses_call(&mut events, voice);
    let usage = r#"{"input_tokens":112,"input_tokens_details":{"cached_tokens":0},"output_tokens":511,"output_tokens_details":{"reasoning_tokens":80},"total_tokens":623}"#;
    let output = [reasoning, message, call].join(",");
    events.whole("response.completed", "completed", &output, usage);
    recording(Format::OpenAiResponses, &events.payloads, "\n", true)
}

/// A call of a tool; returns it as the whole response repeats it.
fn responses_call(events: &mut Responses, voice: &mut Voice) -> String {
    let call = |status: &str, arguments: &str| {
        format!(
            r#"{{"id":"fc_0d5b91a37ec2e262","type":"function_call","status":"{status}","arguments":{arguments},"call_id":"call_4Zq1xW8yT2vB","name":"forecast"}}"#
        )
    };
    let item = call("in_progress", "\"\"");
    events.put("response.output_item.added", &format!(r#""output_index":2,"item":{item}"#));
    let place = r#""item_id":"fc_0d5b91a37ec2e262","output_index":2"#;
    let pieces = voice.argument_pieces();
    let arguments = events.text(voice, "response.function_call_arguments", place, &pieces);
    let done = format!(r#"{place},"name":"forecast","arguments":{arguments}"#);
    events.put("response.function_call_arguments.done", &done);
    let item = call("completed", &arguments);
    events.put("response.output_item.done", &format!(r#""output_index":2,"item":{item}"#));
    item
}

fn anthropic(voice: &mut Voice) -> Recording {
    let mut payloads = Vec::new();
    let mut put = |kind: &str, fields: &str| {
        payloads.push(format!(r#"{{"type":"{kind}"{fields}}}"#));
    };
    put(
        "message_start",
        r#","message":{"model":"claude-sonnet-4-6","id":"msg_01XFDUDYJgAACzvnptvVoYEL","type":"message","role":"assistant","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":112,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":0},"output_tokens":1,"service_tier":"standard"}}"#,
    );
    let blocks = [
        (r#"{"type":"thinking","thinking":"","signature":""}"#, "thinking_delta", "thinking"),
        (r#"{"type":"text","text":""}"#, "text_delta", "text"),
        (
            r#"{"type":"tool_use","id":"toolu_01T1x1fJ34qAmk2t","name":"forecast","input":{}}"#,
            "input_json_delta",
            "partial_json",
        ),
    ];
    for (index, (block, kind, field)) in blocks.into_iter().enumerate() {
        put("content_block_start", &format!(r#","index":{index},"content_block":{block}"#));
        if index == 0 {
            put("ping", "");
        }
        let pieces = match index {
            0 => voice.tokens(REASONING_DELTAS),
            1 => voice.tokens(TEXT_DELTAS),
            _ => voice.argument_pieces(),
        };
        let mut delta = |kind: &str, field: &str, value: &str| {
            let delta = format!(r#"{{"type":"{kind}","{field}":{value}}}"#);
            put("content_block_delta", &format!(r#","index":{index},"delta":{delta}"#));
        };
        for piece in pieces {
            delta(kind, field, &piece);
        }
        if index == 0 {
            delta("signature_delta", "signature", &quoted(&voice.padding().repeat(24)));
        }
        put("content_block_stop", &format!(r#","index":{index}"#));
    }
    put(
        "message_delta",
        r#","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"input_tokens":112,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":511}"#,
    );
    put("message_stop", "");
    recording(Format::Anthropic, &payloads, "\n", true)
}

fn gemini(voice: &mut Voice) -> Recording {
    let mut payloads = Vec::new();
    let mut put = |part: &str, finish: &str, tokens: usize| {
        let total = tokens + 112;
        payloads.push(format!(
            r#"{{"candidates": [{{"content": {{"parts": [{{{part}}}],"role": "model"}}{finish},"index": 0}}],"usageMetadata": {{"promptTokenCount": 112,"candidatesTokenCount": {tokens},"totalTokenCount": {total},"promptTokensDetails": [{{"modality": "TEXT","tokenCount": 112}}],"thoughtsTokenCount": 80}},"modelVersion": "gemini-2.5-flash","responseId": "nlP5afrgJ6-I-sAPut_z2Ac"}}"#
        ));
    };
    for at in (0..REASONING_DELTAS).step_by(GEMINI_TOKENS) {
        let text = quoted(&voice.text(GEMINI_TOKENS));
        put(&format!(r#""text": {text},"thought": true"#), "", at);
    }
    for at in (0..TEXT_DELTAS).step_by(GEMINI_TOKENS) {
        let text = quoted(&voice.text(GEMINI_TOKENS));
        put(&format!(r#""text": {text}"#), "", at);
    }
    let call = format!(r#""functionCall": {{"name": "forecast","args": {}}}"#, voice.arguments());
    put(&call, r#","finishReason": "STOP""#, TEXT_DELTAS);
    recording(Format::Gemini, &payloads, "\r\n", false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use llm_stream::{Assembly, EndStatus, decode};

    #[test]
    fn every_stream_is_whole_and_without_errors() {
        for recording in streams() {
            let events = decode(recording.format, &recording.bytes);
            let assembly: Assembly = events.iter().collect();
            assert_eq!(assembly.status(), Some(EndStatus::Complete), "{}", recording.format);
            assert!(assembly.errors().is_empty(), "{}", recording.format);
            assert!(assembly.text().chars().count() > TEXT_DELTAS, "{}", recording.format);
            let [choice] = assembly.choices() else { panic!("one choice") };
            assert_eq!(choice.tool_calls.len(), 1, "{}", recording.format);
            assert!(assembly.usage().is_some(), "{}", recording.format);
        }
    }

    #[test]
    fn they_are_the_same_each_time() {
        assert_eq!(streams(), streams());
    }
}

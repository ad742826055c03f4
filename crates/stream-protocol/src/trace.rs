//! Which trace a request belongs to: [W3C Trace Context](https://www.w3.org/TR/trace-context/).

use http::HeaderMap;
use http::header::HeaderName;

/// The header that names the trace and the span above.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// The header that holds what vendors add.
pub const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// Bytes of a `tracestate`; a longer one is left out (section 3.3.1.5).
pub const TRACESTATE_BYTES_MAX: usize = 512;

/// The trace of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext {
    parent: String,
    state: Option<String>,
}

impl TraceContext {
    /// Reads the headers; `None` if there is no `traceparent`, more than one, or an invalid one,
    /// which counts as none (section 3.2.2).
    ///
    /// ```
    /// use stream_protocol::trace::TraceContext;
    ///
    /// let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    /// let headers = [("traceparent", parent)].map(|(name, value)| (name.parse(), value.parse()));
    /// let headers = headers.into_iter().map(|(name, value)| (name.unwrap(), value.unwrap()));
    /// let trace = TraceContext::from_headers(&headers.collect()).unwrap();
    /// assert_eq!(trace.trace_id(), "0af7651916cd43dd8448eb211c80319c");
    /// assert_eq!(trace.parent_id(), "b7ad6b7169203331");
    /// ```
    pub fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let mut parents = headers.get_all(TRACEPARENT).iter();
        let (parent, None) = (parents.next()?, parents.next()) else { return None };
        let parent = parent.to_str().ok().filter(|text| is_parent(text))?;
        let states: Vec<_> =
            headers.get_all(TRACESTATE).iter().map(|state| state.to_str().ok()).collect();
        let state = states.into_iter().collect::<Option<Vec<_>>>().map(|states| states.join(","));
        let state = state.filter(|text| !text.is_empty() && text.len() <= TRACESTATE_BYTES_MAX);
        Some(Self { parent: parent.to_owned(), state })
    }

    /// The header's text.
    pub fn traceparent(&self) -> &str {
        &self.parent
    }

    /// What vendors add, if it came and is not too long.
    pub fn tracestate(&self) -> Option<&str> {
        self.state.as_deref()
    }

    /// 32 digits of hexadecimal.
    pub fn trace_id(&self) -> &str {
        self.field(1)
    }

    /// The span above: 16 digits of hexadecimal.
    pub fn parent_id(&self) -> &str {
        self.field(2)
    }

    fn field(&self, index: usize) -> &str {
        self.parent.split('-').nth(index).unwrap_or_default()
    }
}

/// Whether a text is a `traceparent`: version, trace, span and flags; a version above 00 may add
/// fields (section 3.2.4).
fn is_parent(text: &str) -> bool {
    let mut fields = text.split('-');
    let mut field = |digits: usize| {
        fields.next().filter(|field| {
            let is_digit = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f');
            field.len() == digits && field.bytes().all(is_digit)
        })
    };
    let (Some(version), Some(trace), Some(span), Some(_flags)) =
        (field(2), field(32), field(16), field(2))
    else {
        return false;
    };
    let is_something = |id: &str| id.bytes().any(|byte| byte != b'0');
    let ends_well = version != "00" || fields.next().is_none();
    version != "ff" && is_something(trace) && is_something(span) && ends_well
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn read(parents: &[&str], states: &[&str]) -> Option<TraceContext> {
        let mut headers = HeaderMap::new();
        for (name, values) in [(TRACEPARENT, parents), (TRACESTATE, states)] {
            for value in values {
                headers.append(name.clone(), HeaderValue::from_str(value).unwrap());
            }
        }
        TraceContext::from_headers(&headers)
    }

    #[test]
    fn a_valid_parent_is_taken_apart() {
        let trace = read(&[GOOD], &["a=1", "b=2"]).unwrap();
        assert_eq!((trace.traceparent(), trace.tracestate()), (GOOD, Some("a=1,b=2")));
        let newer = GOOD.replacen("00", "cc", 1) + "-what-the-future-will-be";
        assert_eq!(read(&[&newer], &[]).unwrap().parent_id(), "b7ad6b7169203331");
        assert_eq!(read(&[GOOD], &[&"x".repeat(513)]).unwrap().tracestate(), None);
    }

    #[test]
    fn an_invalid_parent_counts_as_none() {
        let changed = |from: &str, to: &str| GOOD.replacen(from, to, 1);
        for bad in [
            String::new(),
            changed("00", "ff"),
            changed("-01", "-01-more"),
            changed("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32)),
            changed("b7ad6b7169203331", &"0".repeat(16)),
            changed("af", "AF"),
            changed("-01", ""),
            changed("b7", "b7b"),
        ] {
            assert_eq!(read(&[&bad], &["a=1"]), None, "{bad}");
        }
        assert_eq!(read(&[GOOD, GOOD], &[]), None, "it must come once");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[0-9a-f-]{0,60}") {
            if let Some(trace) = read(&[&text], &[]) {
                prop_assert_eq!((trace.trace_id().len(), trace.parent_id().len()), (32, 16));
            }
        }
    }
}

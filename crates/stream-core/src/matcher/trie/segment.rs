//! A segment's text, in place if it is short.

/// Bytes that fit in place.
const SHORT: usize = 22;

/// The text of a segment; nearly all are short, and so take no memory of their own.
#[derive(Debug, Clone)]
pub(super) enum Segment {
    Short { len: u8, bytes: [u8; SHORT] },
    Long(Box<[u8]>),
}

impl Segment {
    pub(super) fn new(text: &str) -> Self {
        let mut bytes = [0; SHORT];
        match (bytes.get_mut(..text.len()), u8::try_from(text.len())) {
            (Some(place), Ok(len)) => {
                place.copy_from_slice(text.as_bytes());
                Self::Short { len, bytes }
            }
            _ => Self::Long(text.as_bytes().into()),
        }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Short { len, bytes } => bytes.get(..usize::from(*len)).unwrap_or(bytes),
            Self::Long(bytes) => bytes,
        }
    }

    pub(super) fn is(&self, text: &str) -> bool {
        self.as_bytes() == text.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_length_reads_back() {
        for len in [0, 1, SHORT - 1, SHORT, SHORT + 1, 256] {
            let text = "x".repeat(len);
            let segment = Segment::new(&text);
            assert!(segment.is(&text));
            assert!(!segment.is(&format!("{text}y")));
        }
    }
}

//! Laws and golden outputs of the encoders.

//! Which partition a key belongs to, the same in every process and every version.

/// The partition, of `partitions`, that `key` belongs to.
///
/// FNV-1a with 64 bits over the bytes, the last step of `MurmurHash3` over that, so that keys which
/// differ in their last letters alone spread too, and what is left after division by `partitions`.
///
/// # Examples
///
/// ```
/// use stream_processor::partition_of;
///
/// assert_eq!(partition_of(b"alice", 16), 4);
/// assert_eq!(partition_of(b"bob", 16), 0);
/// assert_eq!(partition_of(b"anybody", 1), 0);
/// ```
pub fn partition_of(key: &[u8], partitions: u32) -> u32 {
    let hash = key.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let partition = mixed(hash) % u64::from(partitions.max(1));
    u32::try_from(partition).unwrap_or_default()
}

/// Has every bit depend on every other.
fn mixed(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_keeps_its_partition_in_every_version() {
        let of = |key: &str| partition_of(key.as_bytes(), 1024);
        assert_eq!(
            ["", "a", "b", "order 1", "order 2", "täglich"].map(of),
            [294, 603, 720, 619, 1000, 714]
        );
    }

    #[test]
    fn keys_spread_evenly() {
        for partitions in [1, 2, 7, 16, 100] {
            let mut counts = vec![0_u32; partitions as usize];
            let each = 1000;
            for n in 0..each * partitions {
                counts[partition_of(format!("customer {n}").as_bytes(), partitions) as usize] += 1;
            }
            let is_near = |count: &u32| count.abs_diff(each) < each / 5;
            assert!(counts.iter().all(is_near), "{partitions}: {counts:?}");
        }
    }
}

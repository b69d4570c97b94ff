//! Header extensions that have a format of their own.

use crate::choices::Choices;
use conclave_sfu::layer::Layer;
use conclave_sfu::rtp::allocation::Allocation;
use conclave_sfu::rtp::dependency::{
    self, Active, Descriptor, LEN_MAX, REFERENCES_MAX, Structure, all,
};

/// Descriptors of one stream: a refused one leaves the structure as it was, a
/// rewritten one says the same but for what was exchanged.
pub fn dependency(data: &[u8]) {
    let mut choices = Choices::new(data);
    let mut known = Structure::default();
    while !choices.are_over() {
        let (number, targets) = (choices.word(), u32::from(choices.word()));
        let bytes = choices.chunk();
        let before = known.clone();
        let Ok(read) = Descriptor::parse(bytes, &mut known) else {
            assert_eq!(known.targets(), before.targets(), "refused");
            continue;
        };
        assert_eq!(read.structure, dependency::brings_structure(bytes));
        let count = known.targets().len();
        assert!((1..=32).contains(&count), "{count}");
        assert!(read.layer.within(Layer::HIGHEST));
        assert!(
            known
                .targets()
                .iter()
                .all(|layer| layer.within(Layer::HIGHEST))
        );
        let distances = read.references.distances();
        assert!(distances.len() <= REFERENCES_MAX);
        assert!(
            distances
                .iter()
                .all(|distance| (1..=4096).contains(distance))
        );
        if let Some(active) = read.active {
            assert_eq!(active & !all(count as u32), 0);
        }
        assert!(usize::from(read.active_at) <= 8 * bytes.len().max(4));

        let active = Active {
            targets: targets & all(count as u32),
            count: count as u8,
            at: read.active_at,
        };
        for active in [None, Some(active)] {
            let mut out = vec![0xa5; dependency::written_len(bytes, active)];
            dependency::write(&mut out, bytes, number, active);
            if out.len() > LEN_MAX {
                continue;
            }
            let again = Descriptor::parse(&out, &mut before.clone());
            let mut expected = read;
            expected.number = number;
            if let Some(active) = active {
                expected.active = Some(active.targets);
                // Behind the flags, which a short descriptor does not have.
                expected.active_at = read.active_at.max(29);
            }
            assert_eq!(again, Ok(expected));
        }
    }
}

/// An allocation: only layers that are sent are told, and what follows the
/// bit rates is not looked at.
pub fn allocation(data: &[u8]) {
    let Some(read) = Allocation::parse(data) else {
        return;
    };
    for (stream, layer, rate) in read.layers() {
        assert!(read.sends(stream));
        assert!(stream < 4 && layer.spatial < 4 && layer.temporal < 4);
        assert!((1_000..=u64::from(u32::MAX) * 1_000).contains(&rate));
    }
    assert!(read.layers().count() <= 64);
    if data != [0] {
        let longer = [data, &[0xff; 9]].concat();
        assert_eq!(Allocation::parse(&longer), Some(read));
    }
}

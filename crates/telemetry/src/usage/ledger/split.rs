//! Division without remainder.

/// Parts of a whole by weights. Each is rounded so that all together are the whole, whatever the weights.
#[derive(Clone, Copy, Debug)]
pub(super) struct Split {
    whole: u64,
    /// All weights together.
    weights: u64,
    /// Remainder of the wholes before, below `weights`.
    left: u64,
    weighed: u64,
    given: u64,
}

impl Split {
    pub(super) const fn new(whole: u64, weights: u64) -> Self {
        Self { whole, weights, left: 0, weighed: 0, given: 0 }
    }

    /// Split that goes on from others by the same weights, so that roundings do not add up.
    pub(super) const fn after(left: &mut u64, whole: u64, weights: u64) -> Self {
        if weights == 0 || whole / 2 < weights {
            return Self::new(whole, weights);
        }
        let before = *left % weights;
        *left = (before + whole) % weights;
        Self { whole, weights, left: before, weighed: 0, given: 0 }
    }

    /// The next part. Without weights there is none.
    pub(super) fn part(&mut self, weight: u64) -> u64 {
        self.weighed = self.weighed.saturating_add(weight).min(self.weights);
        let of = |whole| share(whole, self.weighed, self.weights);
        let up_to = of(self.whole.saturating_add(self.left)) - of(self.left);
        up_to - std::mem::replace(&mut self.given, up_to)
    }
}

/// `whole * part / all`, rounded down.
fn share(whole: u64, part: u64, all: u64) -> u64 {
    match whole.checked_mul(part) {
        Some(product) => product.checked_div(all).unwrap_or_default(),
        None => {
            let share = u128::from(whole) * u128::from(part) / u128::from(all.max(1));
            u64::try_from(share).unwrap_or(whole)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn parts_are_the_whole(whole: u64, weights in proptest::collection::vec(0_u64..100, 1..8)) {
            let all: u64 = weights.iter().sum();
            let mut split = Split::new(whole, all);
            let parts: Vec<u64> = weights.iter().map(|weight| split.part(*weight)).collect();
            prop_assert_eq!(parts.iter().sum::<u64>(), if all == 0 { 0 } else { whole });
            for (part, weight) in parts.iter().zip(&weights) {
                let exact = whole as f64 * *weight as f64 / all.max(1) as f64;
                prop_assert!((*part as f64 - exact).abs() <= 1.0 + exact * 1e-9, "{} of {}", part, exact);
            }
        }

        #[test]
        fn roundings_do_not_add_up(wholes in proptest::collection::vec(0_u64..3_000, 1..50), weights in proptest::collection::vec(1_u64..8, 1..5)) {
            let all: u64 = weights.iter().sum();
            let (mut left, mut sums, mut short) = (0, vec![0; weights.len()], 0);
            for whole in &wholes {
                let mut split = Split::after(&mut left, *whole, all);
                let parts: Vec<u64> = weights.iter().map(|weight| split.part(*weight)).collect();
                prop_assert_eq!(parts.iter().sum::<u64>(), *whole);
                parts.iter().zip(&mut sums).for_each(|(part, sum)| *sum += part);
                short += u64::from(*whole < 2 * all);
            }
            for (sum, weight) in sums.iter().zip(&weights) {
                let exact = (wholes.iter().sum::<u64>() * weight) as f64 / all as f64;
                prop_assert!((*sum as f64 - exact).abs() <= 2.0 + short as f64, "{} of {}", sum, exact);
            }
        }
    }
}

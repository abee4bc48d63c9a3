//! Codes of one reading in a ring: two bytes each, and a third one once a code needs it.

/// Codes by place. Memory that was never written is not resident.
#[derive(Clone, Debug)]
pub(super) struct Codes {
    low: Box<[u16]>,
    /// Third bytes; none while all are zero.
    high: Option<Box<[u8]>>,
}

impl Codes {
    /// Zeros in this number of places.
    pub(super) fn new(places: usize) -> Self {
        Self { low: vec![0; places].into(), high: None }
    }

    /// The code in a place; 0 for one that does not exist.
    pub(super) fn get(&self, place: usize) -> u32 {
        let [low, high] = [self.low.get(place).map_or(0, |low| u32::from(*low)), self.high_of(place)];
        low | high << 16
    }

    fn high_of(&self, place: usize) -> u32 {
        self.high.as_ref().and_then(|high| high.get(place)).map_or(0, |high| u32::from(*high))
    }

    /// Sets the code in a place; of a code, only its lowest 24 bits.
    pub(super) fn set(&mut self, place: usize, code: u32) {
        let [first, second, third, _] = code.to_le_bytes();
        if let Some(low) = self.low.get_mut(place) {
            *low = u16::from_le_bytes([first, second]);
        }
        if third != 0 && self.high.is_none() {
            self.high = Some(vec![0; self.low.len()].into());
        }
        if let Some(high) = self.high.as_mut().and_then(|high| high.get_mut(place)) {
            *high = third;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn third_byte_allocated_once_needed() {
        let mut codes = Codes::new(3);
        [7, 0xFFFF].into_iter().enumerate().for_each(|(place, code)| codes.set(place, code));
        assert!(codes.high.is_none());
        codes.set(2, 0x12_3456);
        assert_eq!([0, 1, 2, 3].map(|place| codes.get(place)), [7, 0xFFFF, 0x12_3456, 0]);
        codes.set(2, 5);
        codes.set(3, 5);
        assert_eq!([0, 1, 2, 3].map(|place| codes.get(place)), [7, 0xFFFF, 5, 0]);
    }
}

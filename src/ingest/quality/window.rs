//! Mean and standard deviation of the last values.

/// The last values, up to a fixed number.
#[derive(Debug)]
pub(super) struct Window {
    values: Box<[f64]>,
    next: usize,
    count: usize,
    mean: f64,
    /// The sum of the squared distances from the mean.
    squares: f64,
}

impl Window {
    pub(super) fn new(size: usize) -> Self {
        Self {
            values: vec![0.0; size.max(2)].into_boxed_slice(),
            next: 0,
            count: 0,
            mean: 0.0,
            squares: 0.0,
        }
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    pub(super) fn mean(&self) -> f64 {
        self.mean
    }

    pub(super) fn deviation(&self) -> f64 {
        match self.count {
            0 | 1 => 0.0,
            count => (self.squares.max(0.0) / (count - 1) as f64).sqrt(),
        }
    }

    pub(super) fn push(&mut self, value: f64) {
        let before = self.mean;
        let oldest = std::mem::replace(&mut self.values[self.next], value);
        if self.count < self.values.len() {
            self.count += 1;
            self.mean += (value - before) / self.count as f64;
            self.squares += (value - before) * (value - self.mean);
        } else {
            let step = value - oldest;
            self.mean += step / self.count as f64;
            self.squares += step * (value - self.mean + oldest - before);
        }
        self.next = (self.next + 1) % self.values.len();
        if self.next == 0 {
            self.recompute_sum();
        }
    }

    /// Recomputes the sums. Rounding errors accumulate, especially after a value that was much larger than
    /// the others, so this runs once for each turn of the window.
    fn recompute_sum(&mut self) {
        let values = &self.values[..self.count];
        self.mean = values.iter().sum::<f64>() / self.count as f64;
        let distances = values.iter().map(|value| value - self.mean);
        self.squares = distances.map(|distance| distance * distance).sum();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn mean_and_deviation_cover_the_last_values(
            values in proptest::collection::vec(-1e6_f64..1e6, 1..200), size in 2_usize..50,
        ) {
            let mut window = Window::new(size);
            for (index, value) in values.iter().enumerate() {
                window.push(*value);
                let last = &values[(index + 1).saturating_sub(size)..=index];
                let mean = last.iter().sum::<f64>() / last.len() as f64;
                let squares: f64 = last.iter().map(|value| (value - mean).powi(2)).sum();
                let deviation = (squares / (last.len().max(2) - 1) as f64).sqrt();
                prop_assert!((window.mean() - mean).abs() < 1e-6, "{} {mean}", window.mean());
                prop_assert!((window.deviation() - deviation).abs() < 1e-3 * (1.0 + deviation));
            }
        }
    }

    #[test]
    fn huge_value_leaves_no_rounding_error() {
        let mut window = Window::new(10);
        window.push(1e12);
        for index in 0..20 {
            window.push(f64::from(index % 2) * 1e-5);
        }
        assert!(
            (window.deviation() - 5.27e-6).abs() < 1e-8,
            "{}",
            window.deviation()
        );
    }
}

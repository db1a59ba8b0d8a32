//! Targets and results.

/// A target: the lower or upper bound of a figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Target {
    AtLeast(f64),
    AtMost(f64),
}

impl Target {
    fn is_met_by(self, figure: f64) -> bool {
        // the rounded figure that is printed decides; it has more digits than the measurement is precise
        let steps = 10_f64.powi(self.decimals() as i32);
        let figure = (figure * steps).round() / steps;
        match self {
            Self::AtLeast(target) => figure >= target,
            Self::AtMost(target) => figure <= target,
        }
    }

    fn text(self) -> String {
        let decimals = self.decimals();
        match self {
            Self::AtLeast(target) => format!(">= {target:.decimals$}"),
            Self::AtMost(target) => format!("<= {target:.decimals$}"),
        }
    }

    /// Number of printed decimals.
    fn decimals(self) -> usize {
        let (Self::AtLeast(target) | Self::AtMost(target)) = self;
        if target > 0.0 && target < 0.1 { 4 } else { 2 }
    }
}

struct Row {
    what: String,
    target: Target,
    rounds: Vec<f64>,
}

/// The rows of the table of results.
#[derive(Default)]
pub(crate) struct Report(Vec<Row>);

impl Report {
    /// Adds a row; `rounds` has the ratio of each round.
    pub(crate) fn add(&mut self, what: impl Into<String>, target: Target, rounds: Vec<f64>) {
        self.0.push(Row {
            what: what.into(),
            target,
            rounds,
        });
    }

    pub(crate) fn misses(&self) -> usize {
        let met = |row: &&Row| !row.target.is_met_by(median(&row.rounds));
        self.0.iter().filter(met).count()
    }

    /// Prints a Markdown table for the documentation.
    pub(crate) fn print(&self) {
        println!("| what | target | median | lowest | highest | |");
        println!("| --- | --- | --- | --- | --- | --- |");
        for row in &self.0 {
            let median = median(&row.rounds);
            let lowest = row.rounds.iter().copied().fold(f64::INFINITY, f64::min);
            let highest = row.rounds.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let verdict = if row.target.is_met_by(median) {
                "pass"
            } else {
                "MISS"
            };
            let decimals = row.target.decimals();
            println!(
                "| {} | {} | {median:.decimals$} | {lowest:.decimals$} | {highest:.decimals$} | {verdict} |",
                row.what,
                row.target.text()
            );
        }
    }
}

/// The median: the middle figure, or the mean of the two in the middle.
pub(crate) fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => sorted[odd / 2],
        even => (sorted[even / 2 - 1] + sorted[even / 2]) / 2.0,
    }
}

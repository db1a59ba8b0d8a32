//! The description of one metric family.

use std::borrow::Cow;
use std::fmt;

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// The type of a metric family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FamilyKind {
    /// A number that only grows.
    Counter,
    /// A number that grows and shrinks.
    Gauge,
    /// Counts of observed values by bucket.
    Histogram,
}

impl FamilyKind {
    /// `counter`, `gauge` or `histogram`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

impl fmt::Display for FamilyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A metric family: all series with the same name.
///
/// # Examples
///
/// ```
/// use tickbook::metrics::{Family, Unit};
///
/// const ORDERS: Family = Family::counter("orders_total", "Accepted orders.").labels(&["side"]);
/// const LATENCY: Family = Family::histogram(
///     "order_latency_seconds",
///     Unit::Seconds,
///     &[0.001, 0.01, 0.1],
///     "Time from an order to its confirmation.",
/// );
/// for family in [ORDERS, LATENCY] {
///     family.describe();
/// }
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Family {
    /// The name. It ends with the unit, and that of a counter with `_total`.
    pub name: Cow<'static, str>,
    /// The type.
    pub kind: FamilyKind,
    /// The unit of the values: [`Unit::Count`], [`Unit::Seconds`] or [`Unit::Bytes`].
    pub unit: Unit,
    /// The names of the labels.
    pub labels: &'static [&'static str],
    /// The description, the text after `# HELP`.
    pub help: Cow<'static, str>,
    /// The upper bounds of the buckets of a histogram, in `unit`, ascending. Empty for other types.
    pub buckets: &'static [f64],
}

impl Family {
    /// A counter of events.
    #[must_use]
    pub const fn counter(name: &'static str, help: &'static str) -> Self {
        Self::new(name, FamilyKind::Counter, Unit::Count, &[], help)
    }

    /// A gauge.
    #[must_use]
    pub const fn gauge(name: &'static str, unit: Unit, help: &'static str) -> Self {
        Self::new(name, FamilyKind::Gauge, unit, &[], help)
    }

    /// A histogram with these upper bounds of its buckets.
    #[must_use]
    pub const fn histogram(
        name: &'static str,
        unit: Unit,
        buckets: &'static [f64],
        help: &'static str,
    ) -> Self {
        Self::new(name, FamilyKind::Histogram, unit, buckets, help)
    }

    const fn new(
        name: &'static str,
        kind: FamilyKind,
        unit: Unit,
        buckets: &'static [f64],
        help: &'static str,
    ) -> Self {
        Self {
            name: Cow::Borrowed(name),
            kind,
            unit,
            labels: &[],
            help: Cow::Borrowed(help),
            buckets,
        }
    }

    /// Sets the names of the labels.
    #[must_use]
    pub const fn labels(mut self, labels: &'static [&'static str]) -> Self {
        self.labels = labels;
        self
    }

    /// Sets the unit, for a counter of seconds or bytes.
    #[must_use]
    pub const fn unit(mut self, unit: Unit) -> Self {
        self.unit = unit;
        self
    }

    /// Sets a name and a description that are not known at compile time.
    #[cfg(feature = "ingest")]
    #[must_use]
    pub(super) fn named(mut self, name: String, help: String) -> Self {
        self.name = name.into();
        self.help = help.into();
        self
    }

    /// Describes the family to the installed recorder.
    pub fn describe(&self) {
        let (name, help) = (self.name.clone(), self.help.clone());
        match self.kind {
            FamilyKind::Counter => describe_counter!(name, self.unit, help),
            FamilyKind::Gauge => describe_gauge!(name, self.unit, help),
            FamilyKind::Histogram => describe_histogram!(name, self.unit, help),
        }
    }
}

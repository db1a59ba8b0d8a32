//! The row of a statement that asks one question.

use diesel::QueryableByName;
use diesel::sql_types::Bool;

/// One row with one column, `answer`.
#[derive(QueryableByName)]
pub(in crate::postgres::timescale) struct BoolRow {
    #[diesel(sql_type = Bool)]
    pub(in crate::postgres::timescale) answer: bool,
}

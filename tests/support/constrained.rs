//! A table and a row that it accepts.

use diesel::PgConnection;
use diesel::connection::SimpleConnection as _;
use diesel::result::Error as DieselError;

/// Columns and their values as texts.
pub(crate) type Row = [(&'static str, &'static str)];

/// The value of an absent column.
pub(crate) const NULL: &str = "NULL";

pub(crate) struct Table {
    pub(crate) connection: PgConnection,
    pub(crate) name: &'static str,
    pub(crate) good: &'static Row,
}

impl Table {
    /// Inserts the valid row with `changes`, and rolls the insert back.
    pub(crate) fn insert(&mut self, changes: &[(&str, &str)]) -> Result<(), DieselError> {
        let mut row = self.good.to_vec();
        for change in changes {
            row.retain(|(column, _)| *column != change.0);
        }
        row.extend(changes);
        let columns: Vec<_> = row.iter().map(|(column, _)| *column).collect();
        let literal = |value: &str| match value {
            NULL => NULL.to_owned(),
            value => format!("'{value}'"),
        };
        let values: Vec<_> = row.iter().map(|(_, value)| literal(value)).collect();
        self.connection.batch_execute("BEGIN")?;
        let inserted = self.connection.batch_execute(&format!(
            "INSERT INTO {} ({}) VALUES ({})",
            self.name,
            columns.join(", "),
            values.join(", ")
        ));
        self.connection.batch_execute("ROLLBACK")?;
        inserted
    }

    #[track_caller]
    pub(crate) fn accepts(&mut self, changes: &[(&str, &str)]) {
        let result = self.insert(changes);
        assert!(result.is_ok(), "{changes:?}: {result:?}");
    }

    #[track_caller]
    pub(crate) fn refuses(&mut self, changes: &[(&str, &str)], constraint: &str) {
        match self.insert(changes) {
            Err(DieselError::DatabaseError(_, info)) => {
                let broken = info.constraint_name().unwrap_or(info.message());
                assert_eq!(broken, constraint, "{changes:?}");
            }
            other => panic!("{changes:?}: {other:?}"),
        }
    }
}

//! Corrections of trades: recording, and the changes of the stored trades.
//!
//! A correction is recorded first and then settled, and a trade is stored first and then settled: each of the two
//! transactions looks for the rows of the other one after its own commit, so that one of them finds both.

mod row;
mod settling;

use chrono::{DateTime, Utc};
use diesel::sql_types::{BigInt, Timestamptz};
use diesel::{PgConnection, RunQueryDsl as _, sql_query};

use crate::db::DbError;
use crate::domain::{SymbolId, Trade, TradeCorrection};
use crate::error::RepositoryError;
use crate::postgres::writing::insert_missing;
use crate::repository::{
    CorrectionQuery, CorrectionReceipt, InsertReceipt, MAX_CORRECTIONS, RecordedCorrection,
    RejectedRow, newest_correction, settle_receipt,
};

use self::row::{COLUMNS, CorrectionRow, NewCorrection, may_be_corrected};
use self::settling::{lock, recorded_at, settle};

/// The symbol and the time of trades.
pub(super) type Instant = (SymbolId, DateTime<Utc>);

/// The valid ones of the given corrections, and the receipt with the others.
pub(super) fn checked(
    corrections: &[TradeCorrection],
) -> Result<(Vec<TradeCorrection>, CorrectionReceipt), RepositoryError> {
    if corrections.len() > MAX_CORRECTIONS {
        return Err(RepositoryError::invalid(format!(
            "too many corrections ({}): send at most {MAX_CORRECTIONS} per call",
            corrections.len()
        )));
    }
    let mut receipt = CorrectionReceipt::default();
    let mut valid: Vec<TradeCorrection> = Vec::with_capacity(corrections.len());
    for given in corrections {
        match given.normalized() {
            Ok(correction) if valid.iter().any(|it| it.is_repeated_by(&correction)) => {
                receipt.duplicates += 1;
            }
            Ok(correction) => valid.push(correction),
            Err(reason) => receipt.rejected.push(RejectedRow::invalid(given, reason)),
        }
    }
    Ok((valid, receipt))
}

/// Records corrections, none of which repeats another one, and settles their trades. Adds the results to
/// `receipt`.
pub(super) fn record(
    connection: &mut PgConnection,
    corrections: &[TradeCorrection],
    now: DateTime<Utc>,
    mut receipt: CorrectionReceipt,
) -> Result<CorrectionReceipt, DbError> {
    let mut instants: Vec<Instant> = corrections
        .iter()
        .map(|it| (it.symbol_id, it.trade_time))
        .collect();
    instants.sort();
    instants.dedup();
    let (new, recorded) = connection
        .build_transaction()
        .read_committed()
        .run(|connection| {
            lock(connection)?;
            let known = recorded_at(connection, &instants)?;
            let new = corrections.iter().filter(|given| {
                let mut known = known.iter();
                !known.any(|known| known.correction.is_repeated_by(given))
            });
            let new: Vec<_> = new.map(|given| NewCorrection::new(given, now)).collect();
            insert_missing(connection, &new)?;
            let settled = settle(connection, &instants)?;
            Ok::<_, DbError>((new, settled.corrections))
        })?;
    receipt.duplicates += (corrections.len() - new.len()) as u64;
    let mut outcomes = outcomes(&new, &recorded);
    if outcomes.pending > 0 {
        // a trade that was committed after the read above did not see these corrections
        let settled = connection
            .build_transaction()
            .read_committed()
            .run(|connection| {
                lock(connection)?;
                settle(connection, &instants)
            })?;
        outcomes = self::outcomes(&new, &settled.corrections);
    }
    receipt.applied += outcomes.applied;
    receipt.pending += outcomes.pending;
    receipt.superseded += outcomes.superseded;
    Ok(receipt)
}

/// The outcomes of the new corrections, which are among `recorded`.
fn outcomes(new: &[NewCorrection], recorded: &[RecordedCorrection]) -> CorrectionReceipt {
    let mut receipt = CorrectionReceipt::default();
    for one in new {
        let correction = &one.correction;
        let of_trade = recorded.iter();
        let of_trade = of_trade.filter(|other| other.correction.is_of_trade_of(correction));
        match newest_correction(of_trade) {
            Some(newest) if newest.correction.is_repeated_by(correction) => {
                receipt.applied += u64::from(newest.before.is_some());
                receipt.pending += u64::from(newest.before.is_none());
            }
            _ => receipt.superseded += 1,
        }
    }
    receipt
}

/// Settles the trades of a batch that was stored with `receipt`. `instants` are the symbols and times of its
/// trades.
pub(super) fn settle_batch(
    connection: &mut PgConnection,
    mut instants: Vec<Instant>,
    receipt: &mut InsertReceipt<Trade>,
) -> Result<(), DbError> {
    if instants.is_empty() || !may_be_corrected(connection, &instants)? {
        return Ok(());
    }
    instants.sort();
    instants.dedup();
    let settled = connection
        .build_transaction()
        .read_committed()
        .run(|connection| {
            lock(connection)?;
            settle(connection, &instants)
        })?;
    settle_receipt(receipt, settled.removed, |trade| {
        let mut corrections = settled.corrections.iter();
        corrections.any(|one| one.correction.concerns(trade))
    });
    Ok(())
}

/// The recorded corrections of a query, one more than its limit if there are more.
pub(super) fn page(
    connection: &mut PgConnection,
    query: &CorrectionQuery,
) -> Result<Vec<RecordedCorrection>, DbError> {
    let rows: Vec<CorrectionRow> = sql_query(format!(
        "SELECT {COLUMNS} FROM trade_corrections WHERE symbol_id = $1 AND trade_time >= $2 \
         AND trade_time < $3 AND correction_id > $4 ORDER BY correction_id LIMIT $5"
    ))
    .bind::<BigInt, _>(query.symbol_id.get())
    .bind::<Timestamptz, _>(query.range.start())
    .bind::<Timestamptz, _>(query.range.end())
    .bind::<BigInt, _>(query.after.map_or(i64::MIN, |after| after.get()))
    // at most 10,001
    .bind::<BigInt, _>(query.limit.get() as i64 + 1)
    .load(connection)?;
    let recorded = rows.into_iter().map(CorrectionRow::into_recorded);
    Ok(recorded.collect::<Result<_, _>>()?)
}

//! `tickbook policies plan`, `apply`, `status` and `remove`.

use serde::Serialize;
use tickbook::Database;
use tickbook::db::DatabasePools;
use tickbook::domain::CandleInput;
use tickbook::postgres::{
    DueDrop, PolicyPlan, PolicyStatus, apply_policies, plan_policies, policy_status,
    remove_policies,
};
use tickbook::retention::{ConflictingSetting, PolicyChange, PolicyValue};

use crate::Outcome;
use crate::args::{ApplyArguments, PoliciesArguments};
use crate::asking::Question;
use crate::opening::{patiently, settings};
use crate::report::{print, print_json};
use crate::times::time_text;

const DROPS: Question = Question {
    text: "Apply, and drop the listed data?",
    not_asked: "nothing was applied: repeat the command with --yes to drop the listed data",
    declined: "nothing was applied",
};

pub(crate) async fn plan(arguments: &PoliciesArguments) -> anyhow::Result<Outcome> {
    let config = settings()?;
    let db = DatabasePools::new(&config.database).timeseries();
    let planning = plan_policies(&db, &config.policies);
    let plan = patiently(&config, &[Database::Timeseries], planning).await?;
    if arguments.json {
        print_json(&PlanJson::new(&plan))?;
    } else {
        print_result(&plan, "would change")?;
    }
    Ok(if plan.is_applicable() {
        Outcome::Complete
    } else {
        Outcome::Incomplete
    })
}

pub(crate) async fn apply(arguments: &ApplyArguments) -> anyhow::Result<Outcome> {
    let config = settings()?;
    let db = DatabasePools::new(&config.database).timeseries();
    if !arguments.yes {
        let planning = plan_policies(&db, &config.policies);
        let plan = patiently(&config, &[Database::Timeseries], planning).await?;
        if !plan.due_drops.is_empty() && !is_wanted(&plan, arguments.json).await? {
            return Ok(Outcome::Incomplete);
        }
    }
    let applying = apply_policies(&db, &config.policies);
    let plan = patiently(&config, &[Database::Timeseries], applying).await?;
    if arguments.json {
        print_json(&PlanJson::new(&plan))?;
    } else {
        print_result(&plan, "changed")?;
    }
    Ok(Outcome::Complete)
}

/// Shows `plan`, which drops data immediately, and asks for confirmation.
async fn is_wanted(plan: &PolicyPlan, json: bool) -> anyhow::Result<bool> {
    if json {
        print_json(&PlanJson::new(plan))?;
    } else {
        print_result(plan, "would change")?;
    }
    DROPS.ask(json).await
}

pub(crate) async fn remove(arguments: &PoliciesArguments) -> anyhow::Result<Outcome> {
    let config = settings()?;
    let db = DatabasePools::new(&config.database).timeseries();
    let removed = patiently(&config, &[Database::Timeseries], remove_policies(&db)).await?;
    if arguments.json {
        let changes: Vec<_> = removed.iter().map(ChangeJson::new).collect();
        print_json(&changes)?;
    } else if removed.is_empty() {
        print("nothing to do: there are no policies")?;
    } else {
        list(&removed)?;
    }
    Ok(Outcome::Complete)
}

pub(crate) async fn status(arguments: &PoliciesArguments) -> anyhow::Result<Outcome> {
    let config = settings()?;
    let db = DatabasePools::new(&config.database).timeseries();
    let status = patiently(&config, &[Database::Timeseries], policy_status(&db)).await?;
    if arguments.json {
        print_json(&StatusJson::new(&status))?;
    } else {
        print(&describe(&status))?;
    }
    let failing = status.jobs.iter().any(|job| {
        let last = job.last_run_status.as_deref();
        last.is_some_and(|status| status != "Success")
    });
    Ok(if failing {
        Outcome::Incomplete
    } else {
        Outcome::Complete
    })
}

fn print_result(plan: &PolicyPlan, verb: &str) -> anyhow::Result<()> {
    print(&format!("edition: {}", plan.edition))?;
    if plan.is_empty() {
        print("nothing to do: the database has these policies")?;
    } else if plan.changes.is_empty() {
        print(&format!("{verb}: the record of the applied policies"))?;
    } else {
        print(&format!("{verb}:"))?;
        list(&plan.changes)?;
    }
    let conflicts = plan.conflicts.iter().map(ToString::to_string);
    let problems: Vec<_> = conflicts.chain(plan.obstacles.iter().cloned()).collect();
    if problems.is_empty() {
        print("consistent: yes")?;
        return print_due_drops(&plan.due_drops);
    }
    print("consistent: no")?;
    for problem in problems {
        print(&format!("  {problem}"))?;
    }
    Ok(())
}

fn print_due_drops(drops: &[DueDrop]) -> anyhow::Result<()> {
    if drops.is_empty() {
        return print("dropped by the next maintenance: nothing");
    }
    print("dropped by the next maintenance, because it is old enough:")?;
    for drop in drops {
        let rows = if drop.relation == "ticks" {
            "ticks"
        } else {
            "candles"
        };
        print(&format!(
            "  {}: {} {rows} before {}, {} chunks",
            drop.relation,
            drop.rows,
            time_text(drop.before),
            drop.chunks
        ))?;
    }
    Ok(())
}

fn list(changes: &[PolicyChange]) -> anyhow::Result<()> {
    for change in changes {
        print(&format!("  {change}"))?;
    }
    Ok(())
}

fn describe(status: &PolicyStatus) -> String {
    let mut lines = vec![format!("edition: {}", status.edition)];
    lines.push(match &status.applied {
        None => "applied: never; nothing is dropped or refused for its age".to_owned(),
        Some(applied) if applied.settings.is_empty() => {
            format!("applied: removed at {}", time_text(applied.applied_at))
        }
        Some(applied) => format!("applied: {}", time_text(applied.applied_at)),
    });
    for &input in CandleInput::ALL {
        if let Some(applied) = &status.applied
            && let Some(oldest) = applied.of_rows(input).oldest(status.now)
        {
            let rows = input.table();
            lines.push(format!("{rows} refused before: {}", time_text(oldest)));
        }
    }
    lines.push(match status.backlog.oldest {
        None => "days that wait for a refresh: none".to_owned(),
        Some(oldest) => format!(
            "days that wait for a refresh: {}, since {} s",
            status.backlog.days,
            (status.now - oldest).num_seconds().max(0)
        ),
    });
    lines.push(format!(
        "changes that wait for a refresh: {}",
        status.waiting_changes
    ));
    for (key, values) in &status.settings {
        let values: Vec<_> = values.iter().map(ToString::to_string).collect();
        let (relation, kind) = (&key.relation, key.kind.as_str());
        lines.push(format!("  {relation} {kind}: {}", values.join("; ")));
    }
    for job in &status.jobs {
        let last = job.last_run_status.as_deref().unwrap_or("not yet run");
        lines.push(format!(
            "  job {} {} {}: {last}, {} failures",
            job.job_id, job.procedure, job.relation, job.failures
        ));
    }
    lines.join("\n")
}

#[derive(Debug, Serialize)]
struct PlanJson {
    edition: &'static str,
    /// Whether the database has all these policies.
    applied: bool,
    changes: Vec<ChangeJson>,
    consistent: bool,
    conflicts: Vec<ConflictJson>,
    obstacles: Vec<String>,
    /// Data that the next maintenance drops because of the changes.
    due_drops: Vec<DueDropJson>,
}

#[derive(Debug, Serialize)]
struct DueDropJson {
    relation: String,
    chunks: u64,
    rows: u64,
    before: String,
}

#[derive(Debug, Serialize)]
struct ChangeJson {
    relation: String,
    setting: &'static str,
    from: Vec<String>,
    to: Option<String>,
}

#[derive(Debug, Serialize)]
struct ConflictJson {
    longer: NumberJson,
    shorter: NumberJson,
    remedy: String,
}

#[derive(Debug, Serialize)]
struct NumberJson {
    name: String,
    value: String,
}

impl PlanJson {
    fn new(plan: &PolicyPlan) -> Self {
        let number = |setting: &ConflictingSetting| NumberJson {
            name: setting.name.clone(),
            value: setting.value.clone(),
        };
        Self {
            edition: plan.edition.as_str(),
            applied: plan.is_empty(),
            changes: plan.changes.iter().map(ChangeJson::new).collect(),
            consistent: plan.is_applicable(),
            conflicts: plan
                .conflicts
                .iter()
                .map(|conflict| ConflictJson {
                    longer: number(&conflict.longer),
                    shorter: number(&conflict.shorter),
                    remedy: conflict.remedy.clone(),
                })
                .collect(),
            obstacles: plan.obstacles.clone(),
            due_drops: plan
                .due_drops
                .iter()
                .map(|drop| DueDropJson {
                    relation: drop.relation.clone(),
                    chunks: drop.chunks,
                    rows: drop.rows,
                    before: time_text(drop.before),
                })
                .collect(),
        }
    }
}

impl ChangeJson {
    fn new(change: &PolicyChange) -> Self {
        Self {
            relation: change.key.relation.clone(),
            setting: change.key.kind.as_str(),
            from: change.from.iter().map(PolicyValue::to_string).collect(),
            to: change.to.as_ref().map(PolicyValue::to_string),
        }
    }
}

#[derive(Debug, Serialize)]
struct StatusJson {
    edition: &'static str,
    applied_at: Option<String>,
    ticks_refused_before: Option<String>,
    trades_refused_before: Option<String>,
    backlog_days: u64,
    backlog_oldest_age_seconds: i64,
    waiting_changes: u64,
    settings: Vec<SettingJson>,
    jobs: Vec<JobJson>,
}

#[derive(Debug, Serialize)]
struct SettingJson {
    relation: String,
    setting: &'static str,
    values: Vec<String>,
}

#[derive(Debug, Serialize)]
struct JobJson {
    job_id: i32,
    relation: String,
    procedure: String,
    last_run_status: Option<String>,
    last_run: Option<String>,
    next_run: Option<String>,
    failures: i64,
}

impl StatusJson {
    fn new(status: &PolicyStatus) -> Self {
        let applied = status.applied.as_ref();
        let floor = |input| applied.and_then(|applied| applied.of_rows(input).oldest(status.now));
        let age = status.backlog.oldest.map(|oldest| status.now - oldest);
        Self {
            edition: status.edition.as_str(),
            applied_at: applied.map(|applied| time_text(applied.applied_at)),
            ticks_refused_before: floor(CandleInput::Ticks).map(time_text),
            trades_refused_before: floor(CandleInput::Trades).map(time_text),
            backlog_days: status.backlog.days,
            backlog_oldest_age_seconds: age.map_or(0, |age| age.num_seconds().max(0)),
            waiting_changes: status.waiting_changes,
            settings: status
                .settings
                .iter()
                .map(|(key, values)| SettingJson {
                    relation: key.relation.clone(),
                    setting: key.kind.as_str(),
                    values: values.iter().map(PolicyValue::to_string).collect(),
                })
                .collect(),
            jobs: status
                .jobs
                .iter()
                .map(|job| JobJson {
                    job_id: job.job_id,
                    relation: job.relation.clone(),
                    procedure: job.procedure.clone(),
                    last_run_status: job.last_run_status.clone(),
                    last_run: job.last_run.map(time_text),
                    next_run: job.next_run.map(time_text),
                    failures: job.failures,
                })
                .collect(),
        }
    }
}

//! The strategies of the seed.

use serde::Serialize;
use tickbook::domain::SymbolReference;
use tickbook::repository::{SymbolRepository, find_symbol};
use tickbook_ledger::domain::{AccountScope, NewStrategy, NewStrategyVersion, TenantId};
use tickbook_ledger::repository::{StrategyQuery, StrategyRepository};

/// A strategy with its first version.
struct Seed {
    name: &'static str,
    description: &'static str,
    class_name: &'static str,
    strategy_type: &'static str,
    parameters: &'static str,
    risk_limits: &'static str,
    symbols: &'static [&'static str],
}

/// The examples of strategies.
const SEEDS: [Seed; 2] = [
    Seed {
        name: "ema_crossover",
        description: "Crossover of two exponential moving averages, with a limit of risk",
        class_name: "EMACrossoverStrategy",
        strategy_type: "trend",
        parameters: r#"{"fast_ema": 9, "slow_ema": 21}"#,
        risk_limits: r#"{"risk_percent": "1"}"#,
        symbols: &["NSE:NIFTY", "NSE:BANKNIFTY"],
    },
    Seed {
        name: "support_resistance",
        description: "Price action at levels of support and resistance",
        class_name: "SupportResistanceStrategy",
        strategy_type: "reversal",
        parameters: r#"{"lookback_periods": 20, "min_touches": 2}"#,
        risk_limits: r#"{"risk_percent": "0.5"}"#,
        symbols: &["NSE:NIFTY"],
    },
];

/// The numbers of strategies.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct StrategyCounts {
    pub(super) created: u64,
    /// Strategies that existed already; their versions are not changed.
    pub(super) unchanged: u64,
}

/// Creates the strategies of the tenant 1 that are missing, and the first version of those without versions.
pub(super) async fn store(
    strategies: &dyn StrategyRepository,
    symbols: &dyn SymbolRepository,
) -> anyhow::Result<StrategyCounts> {
    let (tenant, scope) = (TenantId::new(1), AccountScope::tenant(TenantId::new(1)));
    let mut counts = StrategyCounts::default();
    for seed in &SEEDS {
        let query = StrategyQuery::default().name(seed.name);
        let found = strategies.list(&scope, &query).await?.items.pop();
        let strategy = match found {
            Some(strategy) => {
                counts.unchanged += 1;
                strategy
            }
            None => {
                counts.created += 1;
                let strategy = NewStrategy::new(tenant, seed.name)
                    .description(seed.description)
                    .class_name(seed.class_name.to_owned())
                    .strategy_type(seed.strategy_type.to_owned());
                strategies.create(&scope, strategy).await?
            }
        };
        if strategy.last_version > 0 {
            continue;
        }
        let mut ids = Vec::new();
        for name in seed.symbols {
            let reference: SymbolReference = name.parse()?;
            // a symbol that was refused is reported with the symbols
            ids.extend(
                find_symbol(symbols, &reference)
                    .await?
                    .map(|it| it.symbol_id),
            );
        }
        let version = NewStrategyVersion::new(format!("class:{}", seed.class_name))
            .parameters(seed.parameters.parse()?)
            .risk_limits(seed.risk_limits.parse()?)
            .symbols(ids)
            .created_by("tickbook seed".to_owned());
        let id = strategy.strategy_id;
        strategies.add_version(&scope, id, version).await?;
    }
    Ok(counts)
}

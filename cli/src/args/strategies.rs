//! Command line of `tickbook strategies`.

use clap::{Args, Subcommand};
use rust_decimal::Decimal;
use tickbook::domain::SymbolReference;
use tickbook_ledger::domain::JsonObject;

#[derive(Debug, Subcommand)]
pub(crate) enum StrategiesCommand {
    /// Lists strategies, by ascending id
    #[command(after_help = "\
With --json each line is one object.

Examples:
  tickbook strategies list
  tickbook strategies list --json | jq -r .name")]
    List(ListStrategiesArguments),
    /// Shows a strategy with its versions and running deployments
    #[command(after_help = "\
Examples:
  tickbook strategies show ema_crossover
  tickbook strategies show 1 --json | jq '.versions[-1].parameters'")]
    Show(ShowStrategyArguments),
    /// Creates a strategy without versions
    #[command(after_help = "\
Exit code 2 if a strategy of the tenant has the name.

Example:
  tickbook strategies create ema_crossover --class-name EmaCrossover --type trend")]
    Create(CreateStrategyArguments),
    /// Adds a version to a strategy; may be repeated
    #[command(after_help = "\
A version never changes. If the strategy has a version with the same content already, that version is shown and nothing is
added.

Examples:
  tickbook strategies add-version ema_crossover --code git:8f14e45 --parameters '{\"fast_ema\": 9, \"slow_ema\": 21}'
  tickbook strategies add-version 1 --code git:8f14e45 --risk-limits '{\"max_loss\": \"1000\"}' --symbol nse:NIFTY")]
    AddVersion(AddVersionArguments),
    /// Begins a deployment: an account runs a version of the strategy
    #[command(after_help = "\
Exit code 2 if the account runs the strategy already: stop that deployment first.

Example:
  tickbook strategies deploy ema_crossover --version 3 --account main --capital 10000 --max-leverage 2")]
    Deploy(DeployArguments),
    /// Stops a deployment; may be repeated
    #[command(after_help = "\
Example:
  tickbook strategies stop 5")]
    Stop(StopArguments),
}

#[derive(Debug, Args)]
pub(crate) struct ListStrategiesArguments {
    /// Prints one JSON object per line
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ShowStrategyArguments {
    /// The strategy: its id or its name
    pub(crate) strategy: String,
    /// Prints one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CreateStrategyArguments {
    /// Its name, unique within the tenant
    pub(crate) name: String,
    /// Free text
    #[arg(long, default_value = "")]
    pub(crate) description: String,
    /// The class or function that implements it
    #[arg(long)]
    pub(crate) class_name: Option<String>,
    /// The kind of strategy, such as trend
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) strategy_type: Option<String>,
    /// The owner
    #[arg(long, default_value_t = 1)]
    pub(crate) tenant: i64,
    /// Prints one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct AddVersionArguments {
    /// The strategy: its id or its name
    pub(crate) strategy: String,
    /// The code, such as a commit or the digest of an image
    #[arg(long, value_name = "REFERENCE")]
    pub(crate) code: String,
    /// The parameters: a JSON object
    #[arg(long, value_name = "JSON", default_value = "{}")]
    pub(crate) parameters: JsonObject,
    /// The limits of risk: a JSON object
    #[arg(long, value_name = "JSON", default_value = "{}")]
    pub(crate) risk_limits: JsonObject,
    /// A symbol that the strategy trades; may be given several times
    #[arg(long = "symbol", value_name = "SYMBOL")]
    pub(crate) symbols: Vec<SymbolReference>,
    /// Who adds the version
    #[arg(long, value_name = "NAME")]
    pub(crate) created_by: Option<String>,
    /// Prints one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DeployArguments {
    /// The strategy: its id or its name
    pub(crate) strategy: String,
    /// The number of the version
    #[arg(long)]
    pub(crate) version: i32,
    /// The account: its id or its name
    #[arg(long)]
    pub(crate) account: String,
    /// The capital for the strategy, in the base currency of the account
    #[arg(long, value_name = "AMOUNT")]
    pub(crate) capital: Option<Decimal>,
    /// The largest quantity of a position
    #[arg(long, value_name = "QUANTITY")]
    pub(crate) max_position_size: Option<Decimal>,
    /// The largest ratio of the value of the positions to the capital
    #[arg(long, value_name = "RATIO")]
    pub(crate) max_leverage: Option<Decimal>,
    /// Prints one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct StopArguments {
    /// The id of the deployment
    pub(crate) deployment: i64,
    /// Prints one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

CREATE TABLE orders (
    account_id bigint NOT NULL REFERENCES accounts (account_id) ON DELETE CASCADE,
    order_id text NOT NULL,
    symbol_id bigint NOT NULL,
    side text NOT NULL,
    order_type text NOT NULL,
    time_in_force text NOT NULL,
    quantity numeric(27, 12),
    limit_price numeric(27, 12),
    stop_price numeric(27, 12),
    arrival_price numeric(27, 12),
    expires_at timestamptz,
    strategy_id bigint,
    position_id text,
    parent_order_id text,
    client_order_id text,
    venue_order_id text,
    filled numeric(27, 12) NOT NULL,
    filled_notional numeric(54, 24) NOT NULL,
    adjustment numeric(27, 12) NOT NULL,
    notional_adjustment numeric(54, 24) NOT NULL,
    facts text[] NOT NULL,
    closed_by text,
    pending jsonb NOT NULL,
    done_for date,
    active_on date,
    first_sequence bigint NOT NULL,
    last_sequence bigint NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    status text NOT NULL,
    is_open boolean NOT NULL,
    PRIMARY KEY (account_id, order_id),
    CONSTRAINT orders_side_known CHECK (side IN ('buy', 'sell')),
    CONSTRAINT orders_status_known CHECK (status IN (
        'pending_new', 'new', 'rejected', 'denied', 'partially_filled', 'canceled', 'expired', 'suspended', 'stopped',
        'filled', 'done_for_day', 'pending_replace', 'pending_cancel'
    )),
    CONSTRAINT orders_closed_is_not_open CHECK (NOT is_open OR closed_by IS NULL)
);

CREATE UNIQUE INDEX orders_first_sequence ON orders (account_id, first_sequence);
CREATE INDEX orders_symbol ON orders (account_id, symbol_id, created_at, first_sequence);
CREATE INDEX orders_created_at ON orders (account_id, created_at, first_sequence);
CREATE INDEX orders_open ON orders (account_id, first_sequence) WHERE is_open;
CREATE INDEX orders_symbol_created_at ON orders (symbol_id, created_at DESC);

COMMENT ON TABLE orders IS 'Orders, as their events give them.';
COMMENT ON COLUMN orders.account_id IS 'The account.';
COMMENT ON COLUMN orders.order_id IS 'Id of the order, given by its owner.';
COMMENT ON COLUMN orders.symbol_id IS 'The symbol.';
COMMENT ON COLUMN orders.side IS 'buy or sell.';
COMMENT ON COLUMN orders.order_type IS 'How the order is executed, such as limit.';
COMMENT ON COLUMN orders.time_in_force IS 'How long the order is in force, such as gtc.';
COMMENT ON COLUMN orders.quantity IS 'Ordered quantity. NULL: not yet known.';
COMMENT ON COLUMN orders.limit_price IS 'Limit price.';
COMMENT ON COLUMN orders.stop_price IS 'Stop price.';
COMMENT ON COLUMN orders.arrival_price IS 'Price of the symbol when the decision to trade was made.';
COMMENT ON COLUMN orders.expires_at IS 'When a gtd order expires.';
COMMENT ON COLUMN orders.strategy_id IS 'Strategy that owns the order.';
COMMENT ON COLUMN orders.position_id IS 'Position of a hedging account.';
COMMENT ON COLUMN orders.parent_order_id IS 'Order that this one is a part of.';
COMMENT ON COLUMN orders.client_order_id IS 'Id of the last request that the venue accepted.';
COMMENT ON COLUMN orders.venue_order_id IS 'Id of the order at the venue.';
COMMENT ON COLUMN orders.filled IS 'Sum of the quantities of all fills that are not busted.';
COMMENT ON COLUMN orders.filled_notional IS 'Sum of quantity times price of these fills.';
COMMENT ON COLUMN orders.adjustment IS 'Quantity that restatements added to the executed quantity.';
COMMENT ON COLUMN orders.notional_adjustment IS 'Amount that restatements added to the notional.';
COMMENT ON COLUMN orders.facts IS 'Facts that hold: acknowledged, done_for_day, external, post_only, reduce_only, stopped, submitted, suspended, triggered.';
COMMENT ON COLUMN orders.closed_by IS 'First event that closed the order, except the end of a trading day. NULL: none did.';
COMMENT ON COLUMN orders.pending IS 'Requests that the venue considers: an array of pairs of a kind and a client order id or null.';
COMMENT ON COLUMN orders.done_for IS 'Trading day for which the venue reported the order as done. NULL: none, or the report named none.';
COMMENT ON COLUMN orders.active_on IS 'Last trading day with a fill, an acknowledgement or a restatement.';
COMMENT ON COLUMN orders.first_sequence IS 'First event of the order.';
COMMENT ON COLUMN orders.last_sequence IS 'Last event of the order.';
COMMENT ON COLUMN orders.created_at IS 'When the first event was booked.';
COMMENT ON COLUMN orders.updated_at IS 'When the last event was booked.';
COMMENT ON COLUMN orders.status IS 'Status after FIX OrdStatus, which follows from the other columns.';
COMMENT ON COLUMN orders.is_open IS 'Whether the order may still be executed.';

CREATE TABLE order_client_ids (
    account_id bigint NOT NULL,
    client_order_id text NOT NULL,
    order_id text NOT NULL,
    PRIMARY KEY (account_id, client_order_id),
    FOREIGN KEY (account_id, order_id) REFERENCES orders ON DELETE CASCADE
);

COMMENT ON TABLE order_client_ids IS 'The order of each request.';
COMMENT ON COLUMN order_client_ids.account_id IS 'The account.';
COMMENT ON COLUMN order_client_ids.client_order_id IS 'Id of the request.';
COMMENT ON COLUMN order_client_ids.order_id IS 'The order.';

CREATE TABLE order_venue_ids (
    account_id bigint NOT NULL,
    venue text NOT NULL,
    venue_order_id text NOT NULL,
    order_id text NOT NULL,
    PRIMARY KEY (account_id, venue, venue_order_id),
    FOREIGN KEY (account_id, order_id) REFERENCES orders ON DELETE CASCADE
);

COMMENT ON TABLE order_venue_ids IS 'The order of each id of a venue.';
COMMENT ON COLUMN order_venue_ids.account_id IS 'The account.';
COMMENT ON COLUMN order_venue_ids.venue IS 'The venue.';
COMMENT ON COLUMN order_venue_ids.venue_order_id IS 'Id of the order at the venue.';
COMMENT ON COLUMN order_venue_ids.order_id IS 'The order.';

CREATE TABLE fills (
    account_id bigint NOT NULL,
    sequence bigint NOT NULL,
    order_id text NOT NULL,
    venue text,
    exec_id text,
    effect text,
    content_hash bytea,
    trade_time timestamptz NOT NULL,
    venue_sequence bigint NOT NULL,
    strategy_id bigint,
    symbol_id bigint NOT NULL,
    position_name text NOT NULL,
    side text NOT NULL,
    quantity numeric(27, 12) NOT NULL,
    price numeric(27, 12) NOT NULL,
    fee_amount numeric(27, 12),
    fee_currency text,
    fee_is_taken_from_quantity boolean,
    liquidity text,
    multiplier numeric(27, 12) NOT NULL,
    is_inverse boolean NOT NULL,
    trading_day date,
    latest_exec_id text,
    versions integer NOT NULL,
    is_busted boolean NOT NULL,
    PRIMARY KEY (account_id, sequence),
    FOREIGN KEY (account_id, order_id) REFERENCES orders ON DELETE CASCADE,
    CONSTRAINT fills_side_known CHECK (side IN ('buy', 'sell')),
    CONSTRAINT fills_quantity_positive CHECK (quantity > 0),
    CONSTRAINT fills_id_whole CHECK (
        CASE WHEN exec_id IS NULL
            THEN content_hash IS NOT NULL AND venue IS NULL
            ELSE content_hash IS NULL AND venue IS NOT NULL
        END
    ),
    CONSTRAINT fills_fee_whole CHECK (num_nulls(fee_amount, fee_currency, fee_is_taken_from_quantity) IN (0, 3))
);

CREATE INDEX fills_time ON fills (account_id, trade_time, venue_sequence, sequence);
CREATE INDEX fills_position ON fills (account_id, symbol_id, trade_time, venue_sequence, sequence);
CREATE INDEX fills_order ON fills (account_id, order_id);

COMMENT ON TABLE fills IS 'Fills in their present form, busted ones too.';
COMMENT ON COLUMN fills.account_id IS 'The account.';
COMMENT ON COLUMN fills.sequence IS 'The event that reported the fill.';
COMMENT ON COLUMN fills.order_id IS 'The order that was executed.';
COMMENT ON COLUMN fills.venue IS 'Venue of the first report. NULL: the report had no id.';
COMMENT ON COLUMN fills.exec_id IS 'Id of the first report. NULL: it had none.';
COMMENT ON COLUMN fills.effect IS 'Part of an execution that was reported in two parts: open or close.';
COMMENT ON COLUMN fills.content_hash IS 'SHA-256 digest of the content of a report without an id.';
COMMENT ON COLUMN fills.trade_time IS 'Time at the venue.';
COMMENT ON COLUMN fills.venue_sequence IS 'Order among the fills of one instant, as the venue numbers them.';
COMMENT ON COLUMN fills.strategy_id IS 'Strategy of the order.';
COMMENT ON COLUMN fills.symbol_id IS 'Symbol of the order.';
COMMENT ON COLUMN fills.position_name IS 'Name of the position that the fill changed.';
COMMENT ON COLUMN fills.side IS 'Side of the order: buy or sell.';
COMMENT ON COLUMN fills.quantity IS 'Quantity, after corrections.';
COMMENT ON COLUMN fills.price IS 'Price, after corrections.';
COMMENT ON COLUMN fills.fee_amount IS 'Fee; negative for a rebate.';
COMMENT ON COLUMN fills.fee_currency IS 'Currency of the fee.';
COMMENT ON COLUMN fills.fee_is_taken_from_quantity IS 'Whether the venue took the fee from the traded quantity.';
COMMENT ON COLUMN fills.liquidity IS 'maker, taker or auction.';
COMMENT ON COLUMN fills.multiplier IS 'Units of the underlying in one contract at the time of the fill.';
COMMENT ON COLUMN fills.is_inverse IS 'Whether the contract is inverse.';
COMMENT ON COLUMN fills.trading_day IS 'Trading day at the venue.';
COMMENT ON COLUMN fills.latest_exec_id IS 'Id of the latest report: the fill, its latest correction, or its bust.';
COMMENT ON COLUMN fills.versions IS 'Number of corrections and busts.';
COMMENT ON COLUMN fills.is_busted IS 'Whether the fill was withdrawn. It counts in no sum.';

CREATE TABLE positions (
    account_id bigint NOT NULL REFERENCES accounts (account_id) ON DELETE CASCADE,
    strategy_id bigint NOT NULL,
    symbol_id bigint NOT NULL,
    position_name text NOT NULL,
    quantity numeric(27, 12) NOT NULL,
    open_cost numeric(54, 24) NOT NULL,
    realized numeric(54, 24) NOT NULL,
    opened_at timestamptz,
    last_sequence bigint NOT NULL,
    PRIMARY KEY (account_id, strategy_id, symbol_id, position_name),
    CONSTRAINT positions_flat_has_no_cost CHECK (quantity <> 0 OR (open_cost = 0 AND opened_at IS NULL))
) WITH (fillfactor = 70);

COMMENT ON TABLE positions IS 'Positions, as the fills give them. A position that was closed stays.';
COMMENT ON COLUMN positions.account_id IS 'The account.';
COMMENT ON COLUMN positions.strategy_id IS 'The strategy; 0: none.';
COMMENT ON COLUMN positions.symbol_id IS 'The symbol.';
COMMENT ON COLUMN positions.position_name IS 'net in a netting account; otherwise the position id of the venue, long or short.';
COMMENT ON COLUMN positions.quantity IS 'Quantity; negative for a short position.';
COMMENT ON COLUMN positions.open_cost IS 'Cost of the open quantity; negative for a short position at positive prices.';
COMMENT ON COLUMN positions.realized IS 'Profit of what was closed, without fees.';
COMMENT ON COLUMN positions.opened_at IS 'Time of the fill that opened the position. NULL: the quantity is 0.';
COMMENT ON COLUMN positions.last_sequence IS 'The last event that changed the position.';

CREATE TABLE position_fees (
    account_id bigint NOT NULL,
    strategy_id bigint NOT NULL,
    symbol_id bigint NOT NULL,
    position_name text NOT NULL,
    currency text NOT NULL,
    amount numeric(54, 24) NOT NULL,
    PRIMARY KEY (account_id, strategy_id, symbol_id, position_name, currency),
    FOREIGN KEY (account_id, strategy_id, symbol_id, position_name) REFERENCES positions ON DELETE CASCADE
) WITH (fillfactor = 70);

COMMENT ON TABLE position_fees IS 'Fees of positions by currency.';
COMMENT ON COLUMN position_fees.account_id IS 'The account.';
COMMENT ON COLUMN position_fees.strategy_id IS 'The strategy; 0: none.';
COMMENT ON COLUMN position_fees.symbol_id IS 'The symbol.';
COMMENT ON COLUMN position_fees.position_name IS 'Name of the position.';
COMMENT ON COLUMN position_fees.currency IS 'The currency.';
COMMENT ON COLUMN position_fees.amount IS 'Sum of the fees; negative for rebates.';

CREATE TABLE position_lots (
    account_id bigint NOT NULL,
    strategy_id bigint NOT NULL,
    symbol_id bigint NOT NULL,
    position_name text NOT NULL,
    lot bigint NOT NULL,
    quantity numeric(27, 12) NOT NULL,
    price numeric(27, 12) NOT NULL,
    cost numeric(54, 24) NOT NULL,
    venue text,
    exec_id text,
    effect text,
    content_hash bytea,
    opened_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, strategy_id, symbol_id, position_name, lot),
    FOREIGN KEY (account_id, strategy_id, symbol_id, position_name) REFERENCES positions ON DELETE CASCADE
);

COMMENT ON TABLE position_lots IS 'Open lots of the positions of accounts that use fifo or lifo.';
COMMENT ON COLUMN position_lots.account_id IS 'The account.';
COMMENT ON COLUMN position_lots.strategy_id IS 'The strategy; 0: none.';
COMMENT ON COLUMN position_lots.symbol_id IS 'The symbol.';
COMMENT ON COLUMN position_lots.position_name IS 'Name of the position.';
COMMENT ON COLUMN position_lots.lot IS 'Place in the order in which the lots were opened.';
COMMENT ON COLUMN position_lots.quantity IS 'Open quantity; negative for a short position.';
COMMENT ON COLUMN position_lots.price IS 'Price at which the lot was opened.';
COMMENT ON COLUMN position_lots.cost IS 'Cost of the open quantity.';
COMMENT ON COLUMN position_lots.venue IS 'Venue of the fill that opened the lot. NULL: its report had no id.';
COMMENT ON COLUMN position_lots.exec_id IS 'Id of the fill that opened the lot. NULL: its report had no id.';
COMMENT ON COLUMN position_lots.effect IS 'Part of an execution that was reported in two parts.';
COMMENT ON COLUMN position_lots.content_hash IS 'Digest of the fill that opened the lot, if its report had no id.';
COMMENT ON COLUMN position_lots.opened_at IS 'Time of the fill that opened the lot.';

CREATE TABLE position_reports (
    account_id bigint NOT NULL REFERENCES accounts (account_id) ON DELETE CASCADE,
    symbol_id bigint NOT NULL,
    position_name text NOT NULL,
    reported_at timestamptz NOT NULL,
    quantity numeric(27, 12) NOT NULL,
    average_price numeric(27, 12),
    margin numeric(27, 12),
    leverage numeric(27, 12),
    liquidation_price numeric(27, 12),
    received_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, symbol_id, position_name, reported_at)
);

COMMENT ON TABLE position_reports IS 'Positions as venues report them, kept apart from those that the fills give.';
COMMENT ON COLUMN position_reports.account_id IS 'The account.';
COMMENT ON COLUMN position_reports.symbol_id IS 'The symbol.';
COMMENT ON COLUMN position_reports.position_name IS 'Name of the position, as in positions.';
COMMENT ON COLUMN position_reports.reported_at IS 'Time at the venue.';
COMMENT ON COLUMN position_reports.quantity IS 'Quantity; negative for a short position.';
COMMENT ON COLUMN position_reports.average_price IS 'Average price that the venue states.';
COMMENT ON COLUMN position_reports.margin IS 'Margin of the position.';
COMMENT ON COLUMN position_reports.leverage IS 'Leverage of the position.';
COMMENT ON COLUMN position_reports.liquidation_price IS 'Price at which the venue closes the position.';
COMMENT ON COLUMN position_reports.received_at IS 'When the report was received.';

CREATE TABLE orders (
    account_id bigint NOT NULL,
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
    -- the values follow from the journal, which has the conditions and the reference to the account
    PRIMARY KEY (account_id, order_id)
) WITH (fillfactor = 80);

CREATE INDEX orders_symbol ON orders (account_id, symbol_id, created_at, first_sequence);
CREATE INDEX orders_created_at ON orders (account_id, created_at, first_sequence);
CREATE INDEX orders_open ON orders (account_id, created_at, first_sequence) WHERE is_open;
CREATE INDEX orders_symbol_created_at ON orders (symbol_id, created_at DESC);

CREATE TRIGGER accounts_delete_orders
    AFTER DELETE ON accounts
    FOR EACH ROW
    EXECUTE FUNCTION delete_rows_of_account('orders');

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

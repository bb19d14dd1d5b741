\set customer random(1, 20000)
\set product random(1, 200)
\set quantity random(1, 5)
\set seconds random(1, 300)
BEGIN;
UPDATE shop.customer SET settings = jsonb_set(settings, '{visits}', to_jsonb(coalesce((settings->>'visits')::int, 0) + 1)) WHERE id = :customer;
INSERT INTO shop.orders (placed_on, customer_id) VALUES (current_date, :customer) RETURNING id AS number \gset
INSERT INTO shop.order_line (order_id, placed_on, line, product_id, quantity, unit_price) SELECT :number, current_date, 1, id, :quantity, price FROM shop.product WHERE id = :product;
UPDATE shop.orders SET status = 'paid', total = (SELECT sum(amount) FROM shop.order_line WHERE order_id = :number AND placed_on = current_date) WHERE id = :number AND placed_on = current_date;
INSERT INTO shop.visit (customer_id, at, path) VALUES (:customer, now(), '/thanks');
UPDATE shop.visit SET seconds = :seconds WHERE customer_id = :customer AND path = '/thanks';
DELETE FROM shop.visit WHERE customer_id = :customer AND at < timestamptz '2026-06-10 00:00+00';
COMMIT;

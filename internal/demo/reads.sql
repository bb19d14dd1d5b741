\set account random(1, 100000 * :scale - 500)
\set customer random(1, 20000)
SELECT abalance FROM pgbench_accounts WHERE aid = :account;
SELECT count(*) FROM pgbench_accounts WHERE aid BETWEEN :account AND :account + 500;
SELECT b.bid, t.tid, a.abalance FROM pgbench_accounts a JOIN pgbench_branches b USING (bid) JOIN pgbench_tellers t USING (bid) WHERE a.aid = :account;
SELECT c.name, o.id, o.total, sum(l.amount) FROM shop.customer c JOIN shop.orders o ON o.customer_id = c.id JOIN shop.order_line l ON l.order_id = o.id AND l.placed_on = o.placed_on WHERE c.id = :customer GROUP BY 1, 2, 3 ORDER BY o.id DESC LIMIT 20;

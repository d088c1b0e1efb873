-- The table belongs to a role that nobody logs in as. Two roles that may log in act as that one and take turns: while one is in
-- use, the other gets a new password.
create role orders nologin;
create role orders_a login in role orders;
create role orders_b login in role orders;
alter role orders_a set role orders;
alter role orders_b set role orders;
create table orders (id bigint generated always as identity primary key, at timestamptz not null default now());
alter table orders owner to orders;

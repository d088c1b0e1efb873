// An application that writes a row into PostgreSQL every second. It knows nothing of Azure: where the database is and how to
// log in stands in a file, which is read at each connect. So it goes on when the file changes.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	every = time.Second
	// Connections are renewed that often, so that the last ones with old credentials end by themselves.
	lifetime = 10 * time.Second
	timeout  = 5 * time.Second
)

// One line of the log.
type line struct {
	At    time.Time `json:"at"`
	User  string    `json:"user,omitempty"`
	Rows  int64     `json:"rows,omitempty"`
	Error string    `json:"error,omitempty"`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	file := os.Getenv("DATABASE_URL_FILE")
	pool, err := open(ctx, file)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer pool.Close()
	out := json.NewEncoder(os.Stdout)
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			out.Encode(order(ctx, pool))
		}
	}
}

// What the file says now. Its content is a secret: errors do not repeat it.
func read(file string) (*pgx.ConnConfig, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	config, err := pgx.ParseConfig(strings.TrimSpace(string(text)))
	if err != nil {
		return nil, errors.New(file + " holds no address of a database")
	}
	return config, nil
}

func open(ctx context.Context, file string) (*pgxpool.Pool, error) {
	first, err := read(file)
	if err != nil {
		return nil, err
	}
	config, err := pgxpool.ParseConfig("")
	if err != nil {
		return nil, err
	}
	config.ConnConfig = first
	config.MaxConnLifetime = lifetime
	config.BeforeConnect = func(_ context.Context, each *pgx.ConnConfig) error {
		now, err := read(file)
		if err != nil {
			return err
		}
		each.Host, each.Port, each.Database = now.Host, now.Port, now.Database
		each.User, each.Password = now.User, now.Password
		return nil
	}
	return pgxpool.NewWithConfig(ctx, config)
}

func order(ctx context.Context, pool *pgxpool.Pool) line {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	done := line{At: time.Now().UTC()}
	const statement = "with added as (insert into orders default values returning id) select id, session_user from added"
	if err := pool.QueryRow(ctx, statement).Scan(&done.Rows, &done.User); err != nil {
		done.Error = err.Error()
	}
	return done
}

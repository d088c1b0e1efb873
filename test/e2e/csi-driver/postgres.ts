/** A real PostgreSQL, of the machine's own packages, on a node: it ends with the node. */
import type { ClusterNode } from '../cluster/cluster-node.ts'

const HOME = '/run/podid-postgres'
const AS_POSTGRES = 'setpriv --reuid=postgres --regid=postgres --clear-groups'

/** Who comes over the network shows a password; who is on the node as `postgres` does not. */
const START = `
bin=$(ls -d /usr/lib/postgresql/*/bin | tail -n 1)
install -d -o postgres -g postgres ${HOME}
cd ${HOME}
${AS_POSTGRES} "$bin/initdb" -D ${HOME}/data --auth-local=peer --auth-host=scram-sha-256 --no-sync
echo 'host all all 0.0.0.0/0 scram-sha-256' >>${HOME}/data/pg_hba.conf
# Its own output is closed: nobody is to wait for it.
${AS_POSTGRES} "$bin/pg_ctl" -D ${HOME}/data -l ${HOME}/log -w -o "-h $1 -k ${HOME} -F" start >/dev/null 2>&1 </dev/null`

export interface Postgres {
  /** Where pods find it. */
  readonly address: string
  /** Runs statements as the superuser. @throws Error with what psql said */
  sql(statements: string): Promise<string>
}

/** Initialises and starts it. @throws Error with its last words */
export async function startPostgres(node: ClusterNode): Promise<Postgres> {
  await node.run(['sh', '-ec', START, 'sh', node.ip], 120_000)
  return {
    address: `${node.ip}:5432`,
    async sql(statements) {
      const psql = `cd ${HOME}; printf %s "$1" | ${AS_POSTGRES} psql -h ${HOME} -U postgres -v ON_ERROR_STOP=1 -qAt`
      const { stdout } = await node.run(['sh', '-c', psql, 'sh', statements])
      return stdout.trim()
    },
  }
}

import { request } from 'node:http'
import autocannon from 'autocannon'
import { RUNTIME_FLAGS } from '../src/cli/runtime-flags.ts'
import { startChild } from './child.ts'
import { type BenchOptions, median, type Row, round } from './figure.ts'

const PATH = '/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fvault.azure.net'

/** Cached token requests at 64 keep-alive connections, against a bare server that answers the same bytes. */
export async function cachedRequests({ short }: BenchOptions): Promise<Row[]> {
  const imds = await startChild('./servers/imds-stub.ts')
  const nmi = await startChild('./servers/nmi.ts', { imdsPort: imds.port, pods: 250 }, RUNTIME_FLAGS.nmi)
  const sample = await fetchOnce(nmi.port)
  const bare = await startChild('./servers/bare.ts', sample)
  try {
    const rounds = short ? 2 : 6
    const seconds = short ? 1 : 3
    const results: Record<'nmi' | 'bare', autocannon.Result[]> = { nmi: [], bare: [] }
    await load(nmi.port, 1)
    await load(bare.port, 1)
    // In turns, so that what else happens on the machine meets both alike.
    for (let index = 0; index < rounds; index += 1) {
      results.bare.push(await load(bare.port, seconds))
      results.nmi.push(await load(nmi.port, seconds))
    }
    return [throughputRow(results), tailRow(results)]
  } finally {
    await Promise.all([nmi.stop(), bare.stop(), imds.stop()])
  }
}

type Results = Readonly<Record<'nmi' | 'bare', readonly autocannon.Result[]>>

function throughputRow({ nmi, bare }: Results): Row {
  const own = median(nmi.map((result) => result.requests.average))
  const reference = median(bare.map((result) => result.requests.average))
  const failed = nmi.reduce((sum, result) => sum + result.non2xx + result.errors, 0)
  const ratio = round(own / reference)
  return {
    figure: 'cached token requests/s, 64 connections, against bare node:http',
    measured: `${ratio} (${Math.round(own)} against ${Math.round(reference)}, ${failed} failed)`,
    aim: '>= 0.6',
    reached: ratio >= 0.6 && failed === 0,
    numbers: { ratio, own, reference, failed },
  }
}

function tailRow({ nmi, bare }: Results): Row {
  const own = median(nmi.map((result) => result.latency.p99))
  const reference = median(bare.map((result) => result.latency.p99))
  const ratio = round(own / reference)
  return {
    figure: 'the same, 99th percentile of the latency',
    measured: `${ratio} (${own} ms against ${reference} ms)`,
    aim: '<= 2',
    reached: ratio <= 2,
    numbers: { ratio, own, reference },
  }
}

async function load(port: number, seconds: number): Promise<autocannon.Result> {
  return autocannon({
    url: `http://127.0.0.1:${port}${PATH}`,
    connections: 64,
    duration: seconds,
    headers: { Metadata: 'true' },
  })
}

/** One answer of NMI, which also fills its cache. */
async function fetchOnce(port: number): Promise<{ body: string; headers: string[] }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ body: string; headers: string[] }>()
  request(
    { host: '127.0.0.1', port, path: PATH, headers: { Metadata: 'true' }, agent: false },
    (response) => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        body += chunk
      })
      response.on('end', () => {
        if (response.statusCode !== 200) reject(new Error(`NMI answered ${response.statusCode}: ${body}`))
        const headers = response.rawHeaders.filter(
          (_, at, all) => !/^(date|connection|keep-alive)$/i.test(all[at - (at % 2)] ?? ''),
        )
        resolve({ body, headers })
      })
    },
  )
    .on('error', reject)
    .end()
  return promise
}

import { Agent, request } from 'node:http'
import { RUNTIME_FLAGS } from '../src/cli/runtime-flags.ts'
import { startChild } from './child.ts'
import { type BenchOptions, median, type Row, round } from './figure.ts'

/** What NMI adds to an uncached request over IMDS's own answer: pairs of requests, in turns. */
export async function uncachedLatency({ short }: BenchOptions): Promise<Row[]> {
  const imds = await startChild('./servers/imds-stub.ts')
  const nmi = await startChild('./servers/nmi.ts', { imdsPort: imds.port, pods: 250 }, RUNTIME_FLAGS.nmi)
  const agent = new Agent({ keepAlive: true })
  try {
    const pairs = short ? 100 : 600
    const through: number[] = []
    const direct: number[] = []
    for (let index = 0; index < pairs + 100; index += 1) {
      const path = `/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fapp-${index}.example`
      const own = await timed(agent, nmi.port, path)
      const bare = await timed(agent, imds.port, path)
      // The first hundred warm up both.
      if (index < 100) continue
      through.push(own)
      direct.push(bare)
    }
    const added = round(median(through) - median(direct), 3)
    return [
      {
        figure: 'added latency of an uncached request, median',
        measured: `${added} ms (${round(median(through), 3)} through NMI, ${round(median(direct), 3)} IMDS alone)`,
        aim: '< 1 ms',
        reached: added < 1,
        numbers: { addedMs: added, throughMs: median(through), directMs: median(direct) },
      },
    ]
  } finally {
    agent.destroy()
    await Promise.all([nmi.stop(), imds.stop()])
  }
}

async function timed(agent: Agent, port: number, path: string): Promise<number> {
  const started = performance.now()
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  request({ host: '127.0.0.1', port, path, agent, headers: { Metadata: 'true' } }, (response) => {
    response.resume()
    response.on('end', () => {
      if (response.statusCode === 200) resolve(performance.now() - started)
      else reject(new Error(`status ${response.statusCode}`))
    })
  })
    .on('error', reject)
    .end()
  return promise
}

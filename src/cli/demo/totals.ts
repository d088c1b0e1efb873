import { get } from 'node:http'
import { PORTS } from './components.ts'
import type { Report } from './report.ts'
import type { DemoWorld } from './world.ts'

/** The figures at the end: what was asked of Azure, and what the node agent counted. */
export async function tellTotals(world: DemoWorld, report: Report): Promise<void> {
  const metrics = await scrape(world.place.componentAddress, PORTS.nmiMetrics)
  const granted = sum(metrics, 'podid_nmi_tokens_total')
  const refused = sum(metrics, 'podid_nmi_refusals_total')
  const upstream = sum(metrics, 'podid_upstream_requests_total')
  const { patches } = world.scaleSet()
  report.chapter('Totals')
  report.detail(
    `${counted(granted, 'token')} handed to pods, ${upstream} asked of IMDS, ${counted(refused, 'request')} refused`,
  )
  if (!world.managed) report.detail(`${patches} PATCH requests to ARM: one to assign, one to remove`)
  const { violations } = world.azure.journal
  report.detail(`${violations.length} requests that a real Azure would not have understood`)
  if (violations.length > 0)
    throw new Error(violations.map((each) => `${each.rule}: ${each.detail}`).join('; '))
  report.detail(`${report.seconds.toFixed(1)} s in all`)
}

async function scrape(host: string, port: number): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  get({ host, port, path: '/metrics', agent: false, timeout: 5_000 }, (response) => {
    let text = ''
    response.setEncoding('utf8')
    response.on('data', (chunk: string) => {
      text += chunk
    })
    response.on('end', () => resolve(text))
  }).on('error', reject)
  return promise
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}

/** Sum of all samples of a counter. */
function sum(metrics: string, name: string): number {
  return metrics
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .reduce((total, line) => total + Number(line.split(' ').at(-1)), 0)
}

import { get } from 'node:http'
import { PORTS } from './components.ts'
import type { Report } from './report.ts'
import type { DemoWorld } from './world.ts'

/** The figures at the end: what was asked of Azure, and what the components counted. */
export async function tellTotals(world: DemoWorld, report: Report): Promise<void> {
  const metrics = await scrape(world.place.componentAddress, PORTS.nmiMetrics)
  const granted = sum(metrics, 'podid_nmi_tokens_total')
  const refused = sum(metrics, 'podid_nmi_refusals_total')
  const upstream = sum(metrics, 'podid_upstream_requests_total')
  report.chapter('Totals')
  if (world.keyvault) await tellVolumes(world, report)
  const whom = world.keyvault ? 'the provider' : 'pods'
  report.detail(
    `${counted(granted, 'token')} handed to ${whom}, ${upstream} asked of IMDS, ${counted(refused, 'request')} refused`,
  )
  if (!world.managed) report.detail(patchText(world))
  const { violations } = world.azure.journal
  report.detail(`${violations.length} requests that a real Azure would not have understood`)
  if (violations.length > 0)
    throw new Error(violations.map((each) => `${each.rule}: ${each.detail}`).join('; '))
  report.detail(`${report.seconds.toFixed(1)} s in all`)
}

/** With volumes there are two identities, which MIC may assign together or one by one. */
function patchText(world: DemoWorld): string {
  const { patches } = world.scaleSet()
  return world.keyvault
    ? `${counted(patches, 'PATCH request')} to ARM`
    : `${patches} PATCH requests to ARM: one to assign, one to remove`
}

async function tellVolumes({ place }: DemoWorld, report: Report): Promise<void> {
  const metrics = await scrape(place.componentAddress, PORTS.providerMetrics)
  const mounts = 'podid_keyvault_mounts_total'
  const mounted = sum(metrics, mounts, 'outcome="ok"')
  const requests = sum(metrics, 'keyvault_request_count')
  const reads = 'podid_keyvault_reads_total'
  const values = sum(metrics, reads)
  const shared = values - sum(metrics, reads, 'source="vault"')
  report.detail(`${counted(mounted, 'mount')} answered with files, ${sum(metrics, mounts) - mounted} refused`)
  report.detail(
    `${counted(requests, 'request')} to the vault; ${values} values given to mounts, ${shared} of them shared`,
  )
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

/** Sum of all samples of a counter, or of those with one label. */
function sum(metrics: string, name: string, label = ''): number {
  return metrics
    .split('\n')
    .filter((line) => (line.startsWith(`${name}{`) || line.startsWith(`${name} `)) && line.includes(label))
    .reduce((total, line) => total + Number(line.split(' ').at(-1)), 0)
}

import type { IncomingMessage, ServerResponse } from 'node:http'
import { errorText } from '../../../src/base/errors.ts'
import type { AzureEmulator } from '../emulator.ts'
import type { FaultRule } from '../faults/fault-rule.ts'
import { type Door, openDoor } from '../http/door.ts'
import { readBody, readHead } from '../http/request-reading.ts'
import type { SeedDocument } from '../state/seed-document.ts'
import type { SettingsInput } from '../state/settings.ts'
import { type ControlRequest, runControl } from './control-request.ts'

/** What the admin API needs of the emulator. */
export type Administered = Omit<AzureEmulator, 'adminUrl'>

interface AdminRoute {
  readonly method: string
  readonly path: string
  work(emulator: Administered, body: unknown, id: string): unknown
}

const LONGEST_BODY = 16 * 1_048_576

/** The admin API, all of it. Bodies are JSON. */
const ROUTES: readonly AdminRoute[] = [
  { method: 'GET', path: '/', work: () => ROUTES.map(({ method, path }) => `${method} ${path}`) },
  { method: 'GET', path: '/state', work: (emulator) => emulator.dump() },
  { method: 'GET', path: '/requests', work: (emulator) => emulator.journal.requests },
  { method: 'GET', path: '/counters', work: (emulator) => emulator.journal.counters },
  { method: 'GET', path: '/violations', work: (emulator) => emulator.journal.violations },
  { method: 'DELETE', path: '/journal', work: (emulator) => emulator.journal.clear() },
  { method: 'GET', path: '/faults', work: (emulator) => emulator.faults.list() },
  {
    method: 'POST',
    path: '/faults',
    work: (emulator, body) => ({ id: emulator.faults.add(body as FaultRule) }),
  },
  { method: 'DELETE', path: '/faults', work: (emulator) => emulator.faults.clear() },
  {
    method: 'DELETE',
    path: '/faults/{id}',
    work: (emulator, _, id) => ({ removed: emulator.faults.remove(id) }),
  },
  { method: 'GET', path: '/settings', work: (emulator) => emulator.settings },
  {
    method: 'PATCH',
    path: '/settings',
    work(emulator, body) {
      emulator.change(body as SettingsInput)
      return emulator.settings
    },
  },
  { method: 'POST', path: '/seed', work: (emulator, body) => emulator.plant(body as SeedDocument) },
  {
    method: 'POST',
    path: '/control',
    work: (emulator, body) => runControl(emulator.control, body as ControlRequest),
  },
]

export function openAdminDoor(
  options: { host: string; port: number },
  emulator: Administered,
): Promise<Door> {
  const respond = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { status, body } = await answer(request, emulator)
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(`${JSON.stringify(body ?? {}, null, 2)}\n`)
  }
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    respond(request, response).catch(() => response.destroy())
  }
  return openDoor({ ...options, handle })
}

async function answer(
  request: IncomingMessage,
  emulator: Administered,
): Promise<{ status: number; body: unknown }> {
  const head = readHead(request)
  const [first = '', id] = head.segments
  const path = id === undefined ? `/${first}` : `/${first}/{id}`
  const route = ROUTES.find((each) => each.method === head.method && each.path === path)
  if (route === undefined)
    return { status: 404, body: { error: `no ${head.method} ${path}; GET / lists what there is` } }
  try {
    const bytes = await readBody(request, LONGEST_BODY)
    const body = bytes.length === 0 ? {} : (JSON.parse(bytes.toString('utf8')) as unknown)
    return { status: 200, body: route.work(emulator, body, id ?? '') }
  } catch (thrown) {
    return { status: 400, body: { error: errorText(thrown) } }
  }
}

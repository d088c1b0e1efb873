import type { Core } from './core.ts'
import { type Door, openDoor } from './http/door.ts'
import type { ServiceName } from './http/exchange.ts'
import { createPipeline } from './http/pipeline.ts'
import type { AzureEmulatorOptions } from './options.ts'
import { chooseService, serviceNamed } from './services.ts'
import { createServerIdentity, DEFAULT_NAMES } from './tls/certificate-authority.ts'

/** The HTTPS listeners: a shared one, and those that were asked for separately. */
export interface HttpsDoors {
  readonly entra: Door
  readonly arm: Door
  readonly vault: Door
  readonly caPem: string
}

/** Opens them; `own` takes each as soon as it is open. @throws the system's error when a port is taken */
export async function openHttpsDoors(
  options: AzureEmulatorOptions,
  core: Core,
  own: (opening: Promise<Door>) => Promise<Door>,
): Promise<HttpsDoors> {
  const { host = '127.0.0.1', names = [] } = options
  const { caPem, ...tls } = await createServerIdentity([...new Set([...DEFAULT_NAMES, host, ...names])])
  const shared = await own(
    openDoor({
      host,
      port: options.port ?? 0,
      tls,
      handle: createPipeline(core.pipeline, (head) => chooseService(core.services, head)),
    }),
  )
  const separate = async (port: number | undefined, only: ServiceName): Promise<Door> => {
    if (port === undefined) return shared
    const service = serviceNamed(core.services, only)
    return own(openDoor({ host, port, tls, handle: createPipeline(core.pipeline, () => service) }))
  }
  return {
    caPem,
    entra: await separate(options.entraPort, 'entra'),
    arm: await separate(options.armPort, 'arm'),
    vault: await separate(options.vaultPort, 'vault'),
  }
}

/** Loopback listeners are named `localhost`, which the certificate and every SDK accept. */
export function publicUrl(door: Door): string {
  const loopback = ['127.0.0.1', '::1', '0.0.0.0'].includes(door.host)
  return loopback ? `https://localhost:${door.port}` : door.url
}

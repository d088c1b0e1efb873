import type { Event, KubeHttp, Reply } from '../../harness/kube-http.ts'
import type { CaseWorld } from '../case-world.ts'
import { Normaliser } from './normaliser.ts'

/** One request and its answer, without what differs from run to run. */
export interface Exchange {
  readonly asked: string
  readonly code: number
  /** Texts of `Warning` headers. */
  readonly warnings?: readonly string[]
  readonly contentType?: string
  readonly body?: unknown
  readonly events?: readonly unknown[]
}

export interface Script {
  /** File name of the recording. */
  readonly name: string
  readonly run: (ask: Asking, world: CaseWorld) => Promise<void>
}

type Ask = NonNullable<Parameters<KubeHttp['ask']>[2]> & {
  /** Why the emulator's answer is deliberately another one: it is asked and not compared. */
  readonly differs?: string
}

/** Asks, and writes down what was answered. `{ns}` in a path is the namespace of the run. */
export interface Asking {
  (method: string, path: string, ask?: Ask): Promise<Reply>
  /** Opens a watch and writes down its first events. */
  watch(path: string, count: number, ask?: Ask): Promise<readonly Event[]>
  /** Asks without writing down. */
  quietly: KubeHttp['ask']
}

/** Runs a script against one server. @returns what was said. */
export async function transcribe(script: Script, world: CaseWorld): Promise<readonly Exchange[]> {
  const exchanges: Exchange[] = []
  const normaliser = new Normaliser(world.namespace)
  const full = (path: string): string => path.replaceAll('{ns}', world.namespace)
  const describe = (method: string, path: string, ask: Ask): string => {
    const { body, contentType, accept, headers, differs } = ask
    const rest = { contentType, accept, headers, body, ...(differs === undefined ? {} : { differs }) }
    const text = `${method} ${normaliser.text(path)} ${JSON.stringify(normaliser.value(JSON.parse(JSON.stringify(rest))))}`
    // Versions that were told by the server: every run has its own.
    return text.replaceAll(/(resourceVersion(?:=|":"))\d{2,}/g, '$1{rv}')
  }
  const note = (exchange: Exchange): void => {
    exchanges.push(JSON.parse(JSON.stringify(exchange)) as Exchange)
  }
  const ask = async (method: string, path: string, options: Ask = {}): Promise<Reply> => {
    const reply = await world.http.ask(method, full(path), options)
    const warning = reply.headers['warning']
    note({
      asked: describe(method, path, options),
      code: reply.code,
      ...(warning === undefined ? {} : { warnings: [normaliser.text(warning)] }),
      ...(options.differs === undefined
        ? { contentType: reply.headers['content-type'] ?? '', body: normaliser.body(reply.text) }
        : {}),
    })
    return reply
  }
  const watch = async (path: string, count: number, options: Ask = {}): Promise<readonly Event[]> => {
    const opened = await world.http.watch(full(path), options)
    const events: Event[] = []
    while (events.length < count) {
      const event = await opened.next()
      if (event === undefined) break
      events.push(event)
    }
    opened.close()
    note({
      asked: describe('WATCH', path, options),
      code: opened.code,
      events: events.map((each) => normaliser.value(each)),
    })
    return events
  }
  await script.run(
    Object.assign(ask, {
      watch,
      quietly: (method: string, path: string, options?: Ask) => world.http.ask(method, full(path), options),
    }),
    world,
  )
  return exchanges
}

/** The version of an answer's object. */
export function versionOf(reply: Reply): string {
  return reply.json().metadata?.resourceVersion ?? ''
}

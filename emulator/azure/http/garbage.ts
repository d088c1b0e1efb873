import type { Spoiling } from '../faults/fault-rule.ts'
import type { Reply } from './exchange.ts'

type Garbage = Extract<Spoiling, { kind: 'garbage' }>

const PAGES: Readonly<Record<Garbage['what'], { type: string; body: string | Buffer }>> = {
  html: {
    type: 'text/html',
    body: '<html><head><title>502 Bad Gateway</title></head><body><h1>Bad Gateway</h1></body></html>',
  },
  bytes: { type: 'application/json; charset=utf-8', body: Buffer.from('00ff1b5b324afffe7b22', 'hex') },
  empty: { type: 'application/json; charset=utf-8', body: '' },
  'cut-json': { type: 'application/json; charset=utf-8', body: '{"access_token":"eyJ0eXAiOiJKV1Qi' },
  'wrong-json': { type: 'application/json; charset=utf-8', body: '[["not",{"what":null}],42]' },
}

/** An answer that no service would give; the status is 200 unless the rule names one. */
export function garbageReply(garbage: Garbage): Reply {
  const page = PAGES[garbage.what]
  const status = garbage.status ?? (garbage.what === 'html' ? 502 : 200)
  return { status, headers: { 'content-type': page.type }, body: page.body }
}

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { matchRoute, type Route } from './router.ts'

const handle = (): { status: number } => ({ status: 200 })
const ROUTES: Route[] = [
  { name: 'versions', method: 'GET', path: '/secrets/{name}/versions', handle },
  { name: 'version', method: 'GET', path: '/secrets/{name}/{version}', handle },
  { name: 'set', method: 'PUT', path: '/secrets/{name}', handle },
]

function nameOf(method: string, path: string): string {
  const match = matchRoute(ROUTES, method, path.split('/').filter(Boolean))
  if (match.kind !== 'route') return match.kind
  return `${match.route.name} ${[...match.params.values()].join(',')}`
}

test('the first route that fits wins; literal parts are compared without case and parameters keep theirs', () => {
  assert.equal(nameOf('GET', '/Secrets/Foo/VERSIONS'), 'versions Foo')
  assert.equal(nameOf('GET', '/secrets/Foo/1'), 'version Foo,1')
})

test('a path with another method is told from an unknown path', () => {
  assert.equal(nameOf('POST', '/secrets/foo'), 'other-method')
  assert.equal(nameOf('GET', '/secrets'), 'none')
  assert.equal(nameOf('GET', '/secrets/a/b/c'), 'none')
})

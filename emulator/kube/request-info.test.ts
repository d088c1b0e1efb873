import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readRequest } from './request-info.ts'

function told(method: string, target: string): string {
  const info = readRequest(method, target)
  if (info === undefined) return 'unreadable'
  const { isResource, verb, group, version, plural, subresource, namespace, name } = info
  return isResource
    ? [verb, group, version, namespace, plural, name, subresource].join(' ')
    : `${verb} ${info.path}`
}

test('a request is named as RBAC names it', () => {
  assert.equal(told('GET', '/api/v1/pods'), 'list  v1  pods  ')
  assert.equal(told('GET', '/api/v1/pods?watch=true'), 'watch  v1  pods  ')
  assert.equal(told('GET', '/api/v1/namespaces/a/pods/b'), 'get  v1 a pods b ')
  assert.equal(told('PATCH', '/api/v1/namespaces/a/pods/b/status'), 'patch  v1 a pods b status')
  assert.equal(told('DELETE', '/apis/g.io/v1/namespaces/a/things'), 'deletecollection g.io v1 a things  ')
  assert.equal(told('POST', '/api/v1/namespaces'), 'create  v1  namespaces  ')
  assert.equal(told('GET', '/api/v1/namespaces/a'), 'get  v1 a namespaces a ')
  assert.equal(told('PUT', '/api/v1/namespaces/a/finalize'), 'update  v1 a namespaces a finalize')
  assert.equal(told('GET', '/apis/g.io/v1'), 'get /apis/g.io/v1')
  assert.equal(told('GET', '/healthz?verbose'), 'get /healthz')
  assert.equal(told('GET', '/api/v1/pods/%E0'), 'unreadable')
  assert.equal(told('GET', 'http://other/api/v1/pods'), 'unreadable')
})

test('a list of one object by its name is a request for that name', () => {
  assert.equal(told('GET', '/api/v1/namespaces/a/pods?fieldSelector=metadata.name%3Db'), 'list  v1 a pods b ')
  assert.equal(
    told('GET', '/api/v1/pods?watch=1&fieldSelector=status.phase%3DRunning,metadata.name%3D%3Db'),
    'watch  v1  pods b ',
  )
})

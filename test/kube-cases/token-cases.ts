/** Tokens of service accounts. */
import assert from 'node:assert/strict'
import { createPublicKey, verify } from 'node:crypto'
import type { Json } from '../harness/kube-http.ts'
import { placedPod, refusal } from './case-objects.ts'
import type { CaseWorld, KubeCase } from './case-world.ts'

/** The parts of a JWT, its head and claims read. */
function readToken(token: string): { head: Json; claims: Json; signed: Buffer; signature: Buffer } {
  const [head = '', claims = '', signature = ''] = token.split('.')
  const read = (part: string): Json => JSON.parse(Buffer.from(part, 'base64url').toString()) as Json
  const signed = Buffer.from(`${head}.${claims}`)
  return { head: read(head), claims: read(claims), signed, signature: Buffer.from(signature, 'base64url') }
}

const KEYS = { accept: 'application/jwk-set+json' } as const

async function requestToken(world: CaseWorld, spec: object): Promise<string> {
  const path = `${world.path('serviceaccounts')}/default/token`
  const reply = await world.http.ask('POST', path, { body: { spec } })
  assert.equal(reply.code, 201, reply.text)
  return String(reply.json().status?.['token'])
}

export const TOKEN_CASES: readonly KubeCase[] = [
  {
    name: 'a service account token carries the claims of a real one, and the published key verifies it',
    async run(world) {
      const { http } = world
      const nodeName = world.unique('case-node')
      const node = await http.ask('POST', '/api/v1/nodes', { body: { metadata: { name: nodeName } } })
      const { uid } = (await world.make('pods', placedPod('p', {}, nodeName))).metadata ?? {}
      const account = (await http.ask('GET', `${world.path('serviceaccounts')}/default`)).json()
      const boundObjectRef = { apiVersion: 'v1', kind: 'Pod', name: 'p', uid }
      const audiences = ['api://AzureADTokenExchange']
      const { head, claims, signed, signature } = readToken(
        await requestToken(world, { audiences, expirationSeconds: 3600, boundObjectRef }),
      )
      await http.ask('DELETE', `/api/v1/nodes/${nodeName}`)
      const discovery = (await http.ask('GET', '/.well-known/openid-configuration')).json()
      const { aud, sub, iss, 'kubernetes.io': details } = claims
      assert.deepEqual(
        { aud, sub, iss },
        {
          aud: audiences,
          sub: `system:serviceaccount:${world.namespace}:default`,
          iss: discovery['issuer'],
        },
      )
      assert.deepEqual(details, {
        namespace: world.namespace,
        node: { name: nodeName, uid: node.json().metadata?.uid },
        pod: { name: 'p', uid },
        serviceaccount: { name: 'default', uid: account.metadata?.uid },
      })
      assert.equal(Number(claims['exp']) - Number(claims['iat']), 3600)
      const [key] = (await http.ask('GET', '/openid/v1/jwks', KEYS)).json()['keys'] as {
        kid: string
        kty: string
        n: string
        e: string
      }[]
      assert.ok(key !== undefined)
      assert.equal(head['kid'], key.kid)
      assert.ok(verify('RSA-SHA256', signed, createPublicKey({ key, format: 'jwk' }), signature))
      assert.match(String(discovery['jwks_uri']), /^https:\/\/.*\/openid\/v1\/jwks$/)
    },
  },
  {
    name: 'a service account token opens the API only with its audience and while its pod lives',
    async run(world) {
      const { http } = world
      const accounts = world.path('serviceaccounts')
      const pods = world.path('pods')
      await world.make('pods', placedPod('p'))
      const boundObjectRef = { apiVersion: 'v1', kind: 'Pod', name: 'p' }
      const foreign = await requestToken(world, { audiences: ['elsewhere'] })
      assert.equal((await http.ask('GET', pods, { token: foreign })).code, 401)
      const token = await requestToken(world, { boundObjectRef })
      assert.equal((await http.ask('GET', pods, { token })).code, 403)
      const tampered = `${token.slice(0, -8)}AAAAAAAA`
      assert.equal((await http.ask('GET', pods, { token: tampered })).code, 401)
      await world.remove(`${pods}/p`)
      // A real server remembers for some seconds whose token it is.
      for (let code = 403; code !== 401; ) code = (await http.ask('GET', pods, { token })).code
      const short = await http.ask('POST', `${accounts}/default/token`, {
        body: { spec: { expirationSeconds: 60 } },
      })
      assert.match(
        refusal(short).message ?? '',
        /spec\.expirationSeconds: Invalid value: 60: may not specify a duration less than 10 minutes/,
      )
      assert.equal((await http.ask('POST', `${accounts}/none/token`, { body: {} })).code, 404)
    },
  },
]

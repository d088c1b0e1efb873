import { DefaultAzureCredential, ManagedIdentityCredential, type TokenCredential } from '@azure/identity'
import type { SdkAnswer, SdkRequest } from './sdk-client.ts'

function credentialOf({ credential, clientId, resourceId, objectId }: SdkRequest): TokenCredential {
  if (credential === 'default') {
    return new DefaultAzureCredential(clientId === undefined ? {} : { managedIdentityClientId: clientId })
  }
  if (resourceId !== undefined) return new ManagedIdentityCredential({ resourceId })
  if (objectId !== undefined) return new ManagedIdentityCredential({ objectId })
  return clientId === undefined
    ? new ManagedIdentityCredential()
    : new ManagedIdentityCredential({ clientId })
}

async function answer(request: SdkRequest): Promise<SdkAnswer> {
  try {
    const got = await credentialOf(request).getToken(request.scope)
    return { token: got?.token ?? '', expiresOnTimestamp: got?.expiresOnTimestamp ?? 0 }
  } catch (thrown) {
    return thrown instanceof Error
      ? { error: thrown.message, name: thrown.name }
      : { error: String(thrown), name: '' }
  }
}

const requests = JSON.parse(process.argv[2] ?? '[]') as SdkRequest[]
const answers: SdkAnswer[] = []
for (const request of requests) answers.push(await answer(request))
process.stdout.write(JSON.stringify(answers))

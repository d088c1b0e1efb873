import { join } from 'node:path'
import * as v from 'valibot'
import { TILL_CLIENT_ID, TILL_IDENTITY } from '../azure-seed.ts'
import { type Manifest, readManifests } from '../manifests.ts'

/** The pod of the example under another name or label: same class, same volume. */
function like(pod: Manifest, name: string, selector: string): Manifest {
  const labels = { app: selector, aadpodidbinding: selector }
  return { ...pod, metadata: { ...pod.metadata, name, labels } }
}

const IDENTITY_SPEC = v.looseObject({ spec: v.looseObject({}) })

/** The identity and binding of the example, and the same for another application. */
export async function identityManifests(folder: string): Promise<readonly Manifest[]> {
  const ofShop = await readManifests(join(folder, 'identity.yaml'))
  const ofTill = ofShop.map((each) => {
    const { spec } = v.parse(IDENTITY_SPEC, each)
    const till =
      each.kind === 'AzureIdentity'
        ? { resourceID: TILL_IDENTITY, clientID: TILL_CLIENT_ID }
        : { azureIdentity: 'till', selector: 'till' }
    return { ...each, metadata: { ...each.metadata, name: 'till' }, spec: { ...spec, ...till } }
  })
  return [...ofShop, ...ofTill]
}

/** The pod of the example, another one of the same application, a misspelt one, and one of another application. */
export async function podManifests(file: string): Promise<readonly Manifest[]> {
  const [shop] = await readManifests(file)
  if (shop === undefined) throw new Error(`${file} holds no pod`)
  return [shop, like(shop, 'shop-2', 'shop'), like(shop, 'shop-misspelt', 'shp'), like(shop, 'till', 'till')]
}

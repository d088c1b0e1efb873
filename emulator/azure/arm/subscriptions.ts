import type { Reply } from '../http/exchange.ts'
import type { Call } from '../http/router.ts'
import { allows } from '../state/roles.ts'
import { refuseArm } from './arm-errors.ts'
import type { ArmContext, ArmRoute } from './arm-route.ts'

/** Subscriptions, tenants and the description of the cloud: what command lines ask at login. */
export const subscriptionRoutes: readonly ArmRoute[] = [
  { name: 'arm.subscriptions', method: 'GET', path: '/subscriptions', work: listSubscriptions },
  { name: 'arm.subscription', method: 'GET', path: '/subscriptions/{subscription}', work: readSubscription },
  { name: 'arm.tenants', method: 'GET', path: '/tenants', work: listTenants },
  { name: 'arm.endpoints', method: 'GET', path: '/metadata/endpoints', open: true, work: endpoints },
]

function view(subscription: { id: string; name: string }, context: ArmContext): Record<string, unknown> {
  return {
    id: `/subscriptions/${subscription.id}`,
    authorizationSource: 'RoleBased',
    managedByTenants: [],
    subscriptionId: subscription.id,
    tenantId: context.state.tenant.id,
    displayName: subscription.name,
    state: 'Enabled',
    subscriptionPolicies: {
      locationPlacementId: 'Public_2014-09-01',
      quotaId: 'PayAsYouGo_2014-09-01',
      spendingLimit: 'Off',
    },
  }
}

function listSubscriptions(_call: Call, context: ArmContext): Reply {
  const { roles } = context.caller
  const readable = [...context.state.subscriptions.values()].filter(
    ({ id }) =>
      allows(roles, 'Microsoft.Resources/subscriptions/read', `/subscriptions/${id}`) ||
      // A role on anything within a subscription lets its holder see the subscription.
      roles.some((role) => role.scope.startsWith(`/subscriptions/${id.toLowerCase()}`)),
  )
  return {
    status: 200,
    body: {
      value: readable.map((each) => view(each, context)),
      count: { type: 'Total', value: readable.length },
    },
  }
}

function readSubscription(call: Call, context: ArmContext): Reply {
  const id = call.param('subscription')
  const subscription = context.state.subscriptions.get(id.toLowerCase())
  if (subscription === undefined)
    return refuseArm({
      status: 404,
      code: 'SubscriptionNotFound',
      message: `The subscription '${id}' could not be found.`,
    })
  return { status: 200, body: view(subscription, context) }
}

function listTenants(_call: Call, context: ArmContext): Reply {
  const { id, displayName, domains } = context.state.tenant
  return {
    status: 200,
    body: { value: [{ id: `/tenants/${id}`, tenantId: id, displayName, domains, tenantCategory: 'Home' }] },
  }
}

/** Old versions answer one object, newer ones a list of clouds. */
function endpoints(call: Call): Reply {
  const base = `https://${call.host}`
  if ((call.query.get('api-version') ?? '') < '2019-05-01') {
    return {
      status: 200,
      body: {
        galleryEndpoint: `${base}/`,
        graphEndpoint: 'https://graph.windows.net/',
        portalEndpoint: 'https://portal.azure.com/',
        authentication: { loginEndpoint: `${base}/`, audiences: ['https://management.core.windows.net/'] },
      },
    }
  }
  const cloud = {
    name: 'AzureCloud',
    portal: 'https://portal.azure.com',
    authentication: {
      loginEndpoint: base,
      audiences: ['https://management.core.windows.net/', 'https://management.azure.com/'],
      tenant: 'common',
      identityProvider: 'AAD',
    },
    resourceManager: `${base}/`,
    graph: 'https://graph.windows.net/',
    graphAudience: 'https://graph.windows.net/',
    microsoftGraphResourceId: 'https://graph.microsoft.com/',
    gallery: 'https://gallery.azure.com/',
    batch: 'https://batch.core.windows.net/',
    media: 'https://rest.media.azure.net',
    sqlManagement: 'https://management.core.windows.net:8443/',
    vmImageAliasDoc: '',
    activeDirectoryDataLake: 'https://datalake.azure.net/',
    ossrdbmsResourceId: 'https://ossrdbms-aad.database.windows.net',
    logAnalyticsResourceId: 'https://api.loganalytics.io',
    appInsightsResourceId: 'https://api.applicationinsights.io',
    suffixes: {
      storage: 'core.windows.net',
      keyVaultDns: 'vault.azure.net',
      sqlServerHostname: 'database.windows.net',
      acrLoginServer: 'azurecr.io',
    },
  }
  return { status: 200, body: [cloud] }
}

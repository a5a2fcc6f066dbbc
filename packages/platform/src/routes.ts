import type { FastifyInstance } from 'fastify'
import { consentRoutes } from './consent/page.ts'
import { GRAPH_PREFIX, type GraphRoutes, graphRoutes } from './graph/routes.ts'
import {
  createUser,
  getManager,
  getUser,
  listUsers,
  removeManager,
  setManager,
  updateUser,
} from './directory/users.ts'
import { discoveryRoutes } from './discovery/routes.ts'
import type { Services } from './services.ts'
import { portalRoutes } from './portal/portal.ts'
import {
  createApplication,
  getApplication,
  listApplications,
  updateApplication,
} from './registration/applications.ts'
import {
  createFederatedCredential,
  deleteFederatedCredential,
  getFederatedCredential,
  listFederatedCredentials,
  updateFederatedCredential,
} from './registration/federated-credentials.ts'
import { addKey, removeKey } from './registration/key-rolling.ts'
import { addPassword, removePassword } from './registration/password-rolling.ts'
import { createAssignment, deleteAssignment, listAssignments } from './registration/assignments.ts'
import { getOrganization } from './registration/organization.ts'
import { withCredentials } from './registration/principal-credentials.ts'
import {
  createServicePrincipal,
  findServicePrincipal,
  listServicePrincipals,
  updateServicePrincipal,
} from './registration/service-principals.ts'
import { tokenRoutes } from './token/endpoint.ts'

const collection = (value: readonly object[], next?: string) => ({
  body: { value, ...(next === undefined ? {} : { '@odata.nextLink': next }) },
})

/** Every route of the directory; who may call it stands in graph/permissions.ts. */
const DIRECTORY: GraphRoutes = {
  'GET /organization': async ({ db, tenantId }) => collection([await getOrganization(db, tenantId)]),

  'GET /users': async (call) => {
    const { value, next } = await listUsers(call, call.query, call.url)
    return collection(value, next)
  },
  'POST /users': async (call) => ({ status: 201, body: await createUser(call, call.body, call.nowMs) }),
  'GET /users/:id': async (call) => ({ body: await getUser(call, id(call), call.query) }),
  'PATCH /users/:id': async (call) => done(await updateUser(call, id(call), call.body)),
  'GET /users/:id/manager': async (call) => ({ body: await getManager(call, id(call), call.query) }),
  'PUT /users/:id/manager/$ref': async (call) => done(await setManager(call, id(call), call.body)),
  'DELETE /users/:id/manager/$ref': async (call) => done(await removeManager(call, id(call))),

  'GET /applications': async (call) => collection(await listApplications(call, call.query)),
  'POST /applications': async (call) => ({
    status: 201,
    body: await createApplication(call, call.body, call.nowMs),
  }),
  'GET /applications/:id': async (call) => ({ body: await getApplication(call, id(call)) }),
  'PATCH /applications/:id': async (call) => done(await updateApplication(call, id(call), call.body)),

  'POST /applications/:id/addPassword': async (call) => ({
    body: await addPassword(call, 'application', id(call), call.body),
  }),
  'POST /applications/:id/removePassword': async (call) =>
    done(await removePassword(call, 'application', id(call), call.body)),
  'POST /applications/:id/addKey': async (call) => ({
    body: await addKey(call, 'application', id(call), call.body),
  }),
  'POST /applications/:id/removeKey': async (call) =>
    done(await removeKey(call, 'application', id(call), call.body)),
  'GET /applications/:id/federatedIdentityCredentials': async (call) =>
    collection(await listFederatedCredentials(call, id(call))),
  'POST /applications/:id/federatedIdentityCredentials': async (call) => ({
    status: 201,
    body: await createFederatedCredential(call, id(call), call.body),
  }),
  'GET /applications/:id/federatedIdentityCredentials/:credentialId': async (call) => ({
    body: await getFederatedCredential(call, id(call), credentialId(call)),
  }),
  'PATCH /applications/:id/federatedIdentityCredentials/:credentialId': async (call) =>
    done(await updateFederatedCredential(call, id(call), credentialId(call), call.body)),
  'DELETE /applications/:id/federatedIdentityCredentials/:credentialId': async (call) =>
    done(await deleteFederatedCredential(call, id(call), credentialId(call))),

  'GET /servicePrincipals': async (call) =>
    collection(await withCredentials(call.db, await listServicePrincipals(call, call.query))),
  'POST /servicePrincipals': async (call) => ({
    status: 201,
    body: { ...(await createServicePrincipal(call, call.body, call.nowMs)), ...NO_CREDENTIALS },
  }),
  'GET /servicePrincipals/:id': async (call) => {
    const [body = {}] = await withCredentials(call.db, [await findServicePrincipal(call, id(call))])
    return { body }
  },
  'PATCH /servicePrincipals/:id': async (call) =>
    done(await updateServicePrincipal(call, id(call), call.body)),
  'POST /servicePrincipals/:id/addPassword': async (call) => ({
    body: await addPassword(call, 'servicePrincipal', id(call), call.body),
  }),
  'POST /servicePrincipals/:id/removePassword': async (call) =>
    done(await removePassword(call, 'servicePrincipal', id(call), call.body)),
  'POST /servicePrincipals/:id/addKey': async (call) => ({
    body: await addKey(call, 'servicePrincipal', id(call), call.body),
  }),
  'POST /servicePrincipals/:id/removeKey': async (call) =>
    done(await removeKey(call, 'servicePrincipal', id(call), call.body)),
  'GET /servicePrincipals/:id/appRoleAssignments': async (call) =>
    collection(await listAssignments(call, id(call), 'principal_id')),
  'POST /servicePrincipals/:id/appRoleAssignments': async (call) => ({
    status: 201,
    body: await createAssignment(call, id(call), call.body, call.nowMs),
  }),
  'DELETE /servicePrincipals/:id/appRoleAssignments/:assignmentId': async (call) =>
    done(await deleteAssignment(call, id(call), call.params['assignmentId'] ?? '')),
  'GET /servicePrincipals/:id/appRoleAssignedTo': async (call) =>
    collection(await listAssignments(call, id(call), 'resource_id')),
  'POST /servicePrincipals/:id/appRoleAssignedTo': async (call) => ({
    status: 201,
    body: await createAssignment(call, id(call), call.body, call.nowMs),
  }),
}

const id = (call: { readonly params: Readonly<Record<string, string>> }) => call.params['id'] ?? ''
const credentialId = (call: { readonly params: Readonly<Record<string, string>> }) =>
  call.params['credentialId'] ?? ''
const NO_CREDENTIALS = { keyCredentials: [], passwordCredentials: [] }
const done = (_nothing: void) => ({})

/** Every URL of the platform. */
export async function registerRoutes(app: FastifyInstance, services: Services): Promise<void> {
  await app.register(async (scope) => tokenRoutes(scope, services)) // /{tenant}/oauth2/v2.0/token
  await app.register(async (scope) => discoveryRoutes(scope, services)) // /{tenant}/v2.0/.well-known/…, /{tenant}/discovery/…
  await app.register(async (scope) => consentRoutes(scope, services)) // /{tenant}/adminconsent
  await app.register(async (scope) => portalRoutes(scope, services)) // /, /portal/…
  await app.register(async (scope) => graphRoutes(scope, { ...services, routes: DIRECTORY }), {
    prefix: GRAPH_PREFIX,
  })
}

import type { FastifyInstance } from 'fastify'
import { getDirectoryAudit, listDirectoryAudits } from './audit/directory-audit.ts'
import { getSignIn, listSignIns } from './audit/sign-in-list.ts'
import { consentRoutes } from './consent/page.ts'
import { GRAPH_PREFIX, type GraphRoutes, graphRoutes } from './graph/routes.ts'
import { pageReply } from './directory/collection.ts'
import { PEOPLE, PEOPLE_TOGETHER } from './directory/routes.ts'
import { postSigningKey } from './discovery/rotation.ts'
import { discoveryRoutes } from './discovery/routes.ts'
import type { Services } from './services.ts'
import { portalRoutes } from './portal/portal.ts'
import { getApplication, listApplications } from './registration/applications.ts'
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
import {
  deleteApplication,
  deleteServicePrincipal,
  deleteGroup,
  deleteUser,
  getDeleted,
  listDeleted,
  purgeDeleted,
  restoreDeleted,
} from './registration/deleted-items.ts'
import { addOwnerByLink, listOwners, removeOwner } from './registration/owners.ts'
import {
  patchApplication,
  patchServicePrincipal,
  postApplication,
  postServicePrincipal,
} from './registration/registrations.ts'
import {
  getTenant,
  listTenants,
  patchTenant,
  postAccount,
  postDomain,
  postTenant,
} from './registration/tenant-list.ts'
import { POLICY_ROUTES } from './policy/routes.ts'
import { readQuery, withoutOptions } from './graph/query.ts'
import { APPLICATION, FEDERATED_CREDENTIAL, SERVICE_PRINCIPAL } from './registration/listed-types.ts'
import { getOrganization, ORGANIZATION } from './registration/organization.ts'
import { selectedObject } from './registration/pages.ts'
import { withCredentials } from './registration/principal-credentials.ts'
import { ROLE_ROUTES } from './registration/role-routes.ts'
import { findServicePrincipal, listServicePrincipals } from './registration/service-principals.ts'
import { addTokenSigningCertificate } from './registration/token-signing-certificates.ts'
import { tokenRoutes } from './token/routes.ts'

const collection = (value: readonly object[], next?: string) => ({
  body: { value, ...(next === undefined ? {} : { '@odata.nextLink': next }) },
})

/** Every route of the directory; who may call it stands in graph/permissions.ts. */
const DIRECTORY: GraphRoutes = {
  'GET /organization': async ({ db, tenantId, query }) =>
    collection([selectedObject(ORGANIZATION, await getOrganization(db, tenantId), query)]),

  ...PEOPLE,
  'DELETE /users/:id': async (call) => done(await deleteUser(call, id(call))),
  'DELETE /groups/:id': async (call) => done(await deleteGroup(call, id(call))),

  'GET /applications': async (call) => pageReply(await listApplications(call)),
  'POST /applications': async (call) => ({
    status: 201,
    body: await postApplication(call, call.body),
  }),
  'GET /applications/:id': async (call) => ({
    body: selectedObject(APPLICATION, await getApplication(call, id(call)), call.query),
  }),
  'PATCH /applications/:id': async (call) => done(await patchApplication(call, id(call), call.body)),
  'DELETE /applications/:id': async (call) => done(await deleteApplication(call, id(call))),
  'GET /applications/:id/owners': async (call) => pageReply(await listOwners(call, 'application', id(call))),
  'POST /applications/:id/owners/$ref': async (call) =>
    done(await addOwnerByLink(call, 'application', id(call), call.body)),
  'DELETE /applications/:id/owners/:ownerId/$ref': async (call) =>
    done(await removeOwner(call, 'application', id(call), call.params['ownerId'] ?? '')),

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
    pageReply(await listFederatedCredentials(call, id(call))),
  'POST /applications/:id/federatedIdentityCredentials': async (call) => ({
    status: 201,
    body: await createFederatedCredential(call, id(call), call.body),
  }),
  'GET /applications/:id/federatedIdentityCredentials/:credentialId': async (call) => ({
    body: selectedObject(
      FEDERATED_CREDENTIAL,
      await getFederatedCredential(call, id(call), credentialId(call)),
      call.query,
    ),
  }),
  'PATCH /applications/:id/federatedIdentityCredentials/:credentialId': async (call) =>
    done(await updateFederatedCredential(call, id(call), credentialId(call), call.body)),
  'DELETE /applications/:id/federatedIdentityCredentials/:credentialId': async (call) =>
    done(await deleteFederatedCredential(call, id(call), credentialId(call))),

  'GET /servicePrincipals': async (call) =>
    pageReply(await listServicePrincipals(call, (principals) => withCredentials(call.db, principals))),
  'POST /servicePrincipals': async (call) => ({
    status: 201,
    body: { ...(await postServicePrincipal(call, call.body)), ...NO_CREDENTIALS },
  }),
  'GET /servicePrincipals/:id': async (call) => {
    const [principal = {}] = await withCredentials(call.db, [await findServicePrincipal(call, id(call))])
    return { body: selectedObject(SERVICE_PRINCIPAL, principal, call.query) }
  },
  'PATCH /servicePrincipals/:id': async (call) =>
    done(await patchServicePrincipal(call, id(call), call.body)),
  'DELETE /servicePrincipals/:id': async (call) => done(await deleteServicePrincipal(call, id(call))),
  'GET /servicePrincipals/:id/owners': async (call) =>
    pageReply(await listOwners(call, 'servicePrincipal', id(call))),
  'POST /servicePrincipals/:id/owners/$ref': async (call) =>
    done(await addOwnerByLink(call, 'servicePrincipal', id(call), call.body)),
  'DELETE /servicePrincipals/:id/owners/:ownerId/$ref': async (call) =>
    done(await removeOwner(call, 'servicePrincipal', id(call), call.params['ownerId'] ?? '')),
  'POST /servicePrincipals/:id/addPassword': async (call) => ({
    body: await addPassword(call, 'servicePrincipal', id(call), call.body),
  }),
  'POST /servicePrincipals/:id/removePassword': async (call) =>
    done(await removePassword(call, 'servicePrincipal', id(call), call.body)),
  'POST /servicePrincipals/:id/addTokenSigningCertificate': async (call) => ({
    body: await addTokenSigningCertificate(call, id(call), call.body),
  }),
  'POST /servicePrincipals/:id/addKey': async (call) => ({
    body: await addKey(call, 'servicePrincipal', id(call), call.body),
  }),
  'POST /servicePrincipals/:id/removeKey': async (call) =>
    done(await removeKey(call, 'servicePrincipal', id(call), call.body)),
  'GET /servicePrincipals/:id/appRoleAssignments': async (call) =>
    pageReply(await listAssignments(call, id(call), 'principal_id')),
  'POST /servicePrincipals/:id/appRoleAssignments': async (call) => ({
    status: 201,
    body: await createAssignment(call, id(call), call.body, call.nowMs),
  }),
  'DELETE /servicePrincipals/:id/appRoleAssignments/:assignmentId': async (call) =>
    done(await deleteAssignment(call, id(call), call.params['assignmentId'] ?? '')),
  'GET /servicePrincipals/:id/appRoleAssignedTo': async (call) =>
    pageReply(await listAssignments(call, id(call), 'resource_id')),
  'POST /servicePrincipals/:id/appRoleAssignedTo': async (call) => ({
    status: 201,
    body: await createAssignment(call, id(call), call.body, call.nowMs),
  }),
  'DELETE /servicePrincipals/:id/appRoleAssignedTo/:assignmentId': async (call) =>
    done(await deleteAssignment(call, id(call), call.params['assignmentId'] ?? '', 'resource_id')),
  'GET /servicePrincipals/:id/oauth2PermissionGrants': async (call) => {
    await findServicePrincipal(call, id(call))
    readQuery(call.query, PAGE_OPTIONS)
    return collection(NO_DELEGATION)
  },
  'GET /oauth2PermissionGrants': async (call) => {
    readQuery(call.query, PAGE_OPTIONS)
    return collection(NO_DELEGATION)
  },

  'GET /directory/deletedItems/microsoft.graph.application': async (call) =>
    pageReply(await listDeleted(call, 'application')),
  'GET /directory/deletedItems/microsoft.graph.servicePrincipal': async (call) =>
    pageReply(await listDeleted(call, 'servicePrincipal')),
  'GET /directory/deletedItems/microsoft.graph.user': async (call) =>
    pageReply(await listDeleted(call, 'user')),
  'GET /directory/deletedItems/microsoft.graph.group': async (call) =>
    pageReply(await listDeleted(call, 'group')),
  'GET /directory/deletedItems/:id': async (call) => ({
    body: await getDeleted(withoutOptions(call), id(call)),
  }),
  'POST /directory/deletedItems/:id/restore': async (call) => ({
    body: await restoreDeleted(call, id(call)),
  }),
  'DELETE /directory/deletedItems/:id': async (call) => done(await purgeDeleted(call, id(call))),

  ...POLICY_ROUTES,
  ...ROLE_ROUTES,

  'POST /tomte/signingKeys': async (call) => ({ status: 201, body: await postSigningKey(call) }),
  'GET /tomte/tenants': async (call) => collection(await listTenants(withoutOptions(call))),
  'POST /tomte/tenants': async (call) => ({ status: 201, body: await postTenant(call, call.body) }),
  'GET /tomte/tenants/:tenant': async (call) => ({
    body: await getTenant(withoutOptions(call), call.params['tenant'] ?? ''),
  }),
  'PATCH /tomte/tenants/:tenant': async (call) =>
    done(await patchTenant(call, call.params['tenant'] ?? '', call.body)),
  'POST /tomte/tenants/:tenant/domains': async (call) => ({
    status: 201,
    body: await postDomain(call, call.params['tenant'] ?? '', call.body),
  }),
  'POST /tomte/tenants/:tenant/accounts': async (call) => ({
    status: 201,
    body: await postAccount(call, call.params['tenant'] ?? '', call.body),
  }),

  'GET /auditLogs/signIns': async (call) => {
    await call.signIns.flush()
    const { value, next } = await listSignIns(call, call.query, call.url)
    return collection(value, next)
  },
  'GET /auditLogs/signIns/:id': async (call) => {
    await call.signIns.flush()
    return { body: await getSignIn(withoutOptions(call), id(call)) }
  },
  'GET /auditLogs/directoryAudits': async (call) => {
    const { value, next } = await listDirectoryAudits(call, call.query, call.url)
    return collection(value, next)
  },
  'GET /auditLogs/directoryAudits/:id': async (call) => ({
    body: await getDirectoryAudit(withoutOptions(call), id(call)),
  }),
}

const id = (call: { readonly params: Readonly<Record<string, string>> }) => call.params['id'] ?? ''
const credentialId = (call: { readonly params: Readonly<Record<string, string>> }) =>
  call.params['credentialId'] ?? ''
// Permissions that an application has for the person who uses it: nobody signs in to one here.
const NO_DELEGATION: readonly object[] = []
const PAGE_OPTIONS = ['$filter', '$select', '$count', '$top', '$skiptoken']
const NO_CREDENTIALS = { keyCredentials: [], passwordCredentials: [] }
const done = (_nothing: void) => ({})

/** Every URL of the platform. */
export async function registerRoutes(app: FastifyInstance, services: Services): Promise<void> {
  await app.register(async (scope) => tokenRoutes(scope, services)) // /{tenant}/oauth2/v2.0/token
  await app.register(async (scope) => discoveryRoutes(scope, services)) // /{tenant}/v2.0/.well-known/…, /{tenant}/discovery/…
  await app.register(async (scope) => consentRoutes(scope, services)) // /{tenant}/adminconsent
  await app.register(async (scope) => portalRoutes(scope, services)) // /, /portal/…
  await app.register(
    async (scope) => graphRoutes(scope, { ...services, routes: DIRECTORY, together: PEOPLE_TOGETHER }),
    {
      prefix: GRAPH_PREFIX,
    },
  )
}

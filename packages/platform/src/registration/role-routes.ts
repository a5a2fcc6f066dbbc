import { pageReply } from '../directory/collection.ts'
import type { GraphCall, GraphReply } from '../graph/dispatch.ts'
import type { GraphRoute } from '../graph/permissions.ts'
import { withoutOptions } from '../graph/query.ts'
import {
  addRoleMember,
  createRoleAssignment,
  deleteRoleAssignment,
  getDirectoryRole,
  getRoleAssignment,
  getRoleDefinition,
  listDirectoryRoles,
  listRoleAssignments,
  listRoleDefinitions,
  listRoleMembers,
  removeRoleMember,
} from './role-assignments.ts'

const param = ({ params }: GraphCall, name: string) => params[name] ?? ''
const id = (call: GraphCall) => param(call, 'id')
const done = (_nothing: void) => ({})

/** The routes of directory roles, in both forms that Graph has of them. */
export const ROLE_ROUTES = {
  'GET /directoryRoles': async (call) => pageReply(await listDirectoryRoles(call)),
  'GET /directoryRoles/:id': async (call) => ({ body: getDirectoryRole(withoutOptions(call), id(call)) }),
  'GET /directoryRoles/:id/members': async (call) => pageReply(await listRoleMembers(call, id(call))),
  'POST /directoryRoles/:id/members/$ref': async (call) =>
    done(await addRoleMember(call, id(call), call.body)),
  'DELETE /directoryRoles/:id/members/:memberId/$ref': async (call) =>
    done(await removeRoleMember(call, id(call), param(call, 'memberId'))),
  'GET /roleManagement/directory/roleDefinitions': async (call) => pageReply(await listRoleDefinitions(call)),
  'GET /roleManagement/directory/roleDefinitions/:id': async (call) => ({
    body: getRoleDefinition(id(withoutOptions(call))),
  }),
  'GET /roleManagement/directory/roleAssignments': async (call) => pageReply(await listRoleAssignments(call)),
  'POST /roleManagement/directory/roleAssignments': async (call) => ({
    status: 201,
    body: await createRoleAssignment(call, call.body),
  }),
  'GET /roleManagement/directory/roleAssignments/:id': async (call) => ({
    body: await getRoleAssignment(withoutOptions(call), id(call)),
  }),
  'DELETE /roleManagement/directory/roleAssignments/:id': async (call) =>
    done(await deleteRoleAssignment(call, id(call))),
} satisfies Partial<Record<GraphRoute, (call: GraphCall) => Promise<GraphReply>>>

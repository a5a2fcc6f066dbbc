import type { GraphCall, GraphReply, GraphRoutes, TogetherRoutes } from '../graph/dispatch.ts'
import { GraphError } from '../graph/errors.ts'
import type { GraphRoute } from '../graph/permissions.ts'
import { listDelta } from './delta.ts'
import { GROUP } from './group-properties.ts'
import { createGroup, findGroup, findMemberGroup, getGroup, updateGroup } from './groups.ts'
import { countLinked, linkedIds, listLinked, type Relationship } from './linked-objects.ts'
import { pageReply } from './collection.ts'
import { countObjects, listObjects } from './list.ts'
import { addGroupOwner, addMember, removeGroupOwner, removeMember } from './members.ts'
import type { ObjectType } from './object-type.ts'
import { USER } from './properties.ts'
import {
  createUser,
  createUsers,
  findUser,
  getManager,
  getUser,
  removeManager,
  setManager,
  updateUser,
} from './users.ts'

type Handler = (call: GraphCall) => Promise<GraphReply>

const id = ({ params }: GraphCall) => params['id'] ?? ''
const done = (_nothing: void): GraphReply => ({})

const list =
  (type: ObjectType): Handler =>
  async (call) =>
    pageReply(await listObjects(type, call))
const count =
  (type: ObjectType): Handler =>
  async (call) => ({ text: String(await countObjects(type, call)) })
const delta =
  (type: ObjectType): Handler =>
  (call) =>
    listDelta(type, call)

/** Finds the object whose relationships are asked for: 404 if it is not one of this tenant. */
const sourceId = async (type: ObjectType, call: GraphCall): Promise<string> =>
  String((await (type === USER ? findUser : findGroup)(call, id(call)))['id'])

const linked =
  (type: ObjectType, relationship: Relationship): Handler =>
  async (call) =>
    pageReply(await listLinked(call, relationship, await sourceId(type, call)))
const countedLinks =
  (type: ObjectType, relationship: Relationship): Handler =>
  async (call) => ({ text: String(await countLinked(call, relationship, await sourceId(type, call))) })
/** What a relationship leads to, of one type alone, with all options of that type's own collection. */
const cast =
  (type: ObjectType, relationship: Relationship, to: ObjectType): Handler =>
  async (call) =>
    pageReply(await listObjects(to, call, linkedIds(relationship, await sourceId(type, call))))

/** The routes for people and groups; who may call them stands in graph/permissions.ts. */
export const PEOPLE = {
  'GET /users': list(USER),
  'GET /users/$count': count(USER),
  'GET /users/delta': delta(USER),
  'POST /users': async (call) => ({ status: 201, body: await createUser(call, call.body, call.nowMs) }),
  'GET /users/:id': (call) => getUser(call, id(call), call.query),
  'PATCH /users/:id': async (call) => done(await updateUser(call, id(call))),
  'GET /users/:id/manager': async (call) => ({ body: await getManager(call, id(call), call.query) }),
  'PUT /users/:id/manager/$ref': async (call) => done(await setManager(call, id(call), call.body)),
  'DELETE /users/:id/manager/$ref': async (call) => done(await removeManager(call, id(call))),
  'GET /users/:id/directReports': linked(USER, 'directReports'),
  'GET /users/:id/memberOf': linked(USER, 'memberOf'),
  'GET /users/:id/memberOf/$count': countedLinks(USER, 'memberOf'),
  'GET /users/:id/memberOf/microsoft.graph.group': cast(USER, 'memberOf', GROUP),
  'GET /users/:id/transitiveMemberOf': linked(USER, 'transitiveMemberOf'),
  'GET /users/:id/transitiveMemberOf/microsoft.graph.group': cast(USER, 'transitiveMemberOf', GROUP),
  'GET /users/:id/ownedObjects': linked(USER, 'ownedObjects'),

  'GET /groups': list(GROUP),
  'GET /groups/$count': count(GROUP),
  'GET /groups/delta': delta(GROUP),
  'POST /groups': async (call) => ({ status: 201, body: await createGroup(call) }),
  'GET /groups/:id': (call) => getGroup(call, id(call), call.query),
  'PATCH /groups/:id': async (call) => done(await updateGroup(call, id(call))),
  'GET /groups/:id/members': linked(GROUP, 'members'),
  'GET /groups/:id/members/$count': countedLinks(GROUP, 'members'),
  'GET /groups/:id/members/microsoft.graph.user': cast(GROUP, 'members', USER),
  'GET /groups/:id/members/microsoft.graph.group': cast(GROUP, 'members', GROUP),
  'POST /groups/:id/members/$ref': async (call) =>
    done(await addMember(call, await findMemberGroup(call, id(call)), call.body)),
  'DELETE /groups/:id/members/:memberId/$ref': async (call) =>
    done(await removeMember(call, await sourceId(GROUP, call), call.params['memberId'] ?? '')),
  'GET /groups/:id/transitiveMembers': linked(GROUP, 'transitiveMembers'),
  'GET /groups/:id/transitiveMembers/$count': countedLinks(GROUP, 'transitiveMembers'),
  'GET /groups/:id/transitiveMembers/microsoft.graph.user': cast(GROUP, 'transitiveMembers', USER),
  'GET /groups/:id/memberOf': linked(GROUP, 'memberOf'),
  'GET /groups/:id/transitiveMemberOf': linked(GROUP, 'transitiveMemberOf'),
  'GET /groups/:id/owners': linked(GROUP, 'owners'),
  'POST /groups/:id/owners/$ref': async (call) =>
    done(await addGroupOwner(call, await sourceId(GROUP, call), call.body)),
  'DELETE /groups/:id/owners/:ownerId/$ref': async (call) =>
    done(await removeGroupOwner(call, await sourceId(GROUP, call), call.params['ownerId'] ?? '')),
} as const satisfies Partial<Record<GraphRoute, Handler>> & Partial<GraphRoutes>

/** What a batch does at once. */
export const PEOPLE_TOGETHER: TogetherRoutes = {
  'POST /users': async (calls) => {
    const [first] = calls
    if (!first) return []
    const people = calls.map(({ body }) => ({ body }))
    const created = await createUsers(first, people, first.nowMs)
    return created.map((user) => (user instanceof GraphError ? user : { status: 201, body: user }))
  },
}

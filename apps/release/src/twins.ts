/** A TypeDoc plugin: a schema and its type share a name (`RoomId`), so the schema's comment is the type's too. */
import { type Application, type Comment, Converter, ReflectionKind } from "typedoc"

/** Called by TypeDoc. */
export const load = (app: Application): void => {
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    const comments = new Map<string, Comment>()
    for (const variable of project.getReflectionsByKind(ReflectionKind.Variable)) {
      if (variable.comment !== undefined) comments.set(variable.getFullName(), variable.comment)
    }
    for (const type of project.getReflectionsByKind(ReflectionKind.TypeAlias | ReflectionKind.Interface)) {
      const shared = comments.get(type.getFullName())
      if (type.comment === undefined && shared !== undefined) type.comment = shared.clone()
    }
  })
}

export { NotFoundScreen as MembersScreen } from '#src/shell/other-screens.tsx'

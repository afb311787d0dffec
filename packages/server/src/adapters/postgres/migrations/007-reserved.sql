-- Reserved: the number belongs to a change that is merged before this one.
select;

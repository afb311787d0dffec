-- Whether the signal of a day is late depends on the feed: whether it has runs, since when, and what day it is there. Notices
-- are made by workers.

create policy worker on nipr_feed for select to psapi_worker using (true);
grant select on nipr_feed to psapi_worker;

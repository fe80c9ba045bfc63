"""The families of a node's `/metrics`, their kinds, and their values where they never move.

As the real server writes them; OpenTelemetry makes up-and-down counters of gauges, so `c` may fall as well.
"""

OWN = """
app_conn_count_total c 0
app_conn_packet_bytes_total c 0
app_conn_packet_count_total c 0
app_connack_packet_bytes_total c 0
app_connack_packet_count_total c 0
app_online_device_count_total c 0
app_online_user_count_total c 0
app_ping_bytes_total c 0
app_ping_count_total c 0
app_pong_bytes_total c 0
app_pong_count_total c 0
app_recv_packet_bytes_total c 0
app_recv_packet_count_total c 0
app_recvack_packet_bytes_total c 0
app_recvack_packet_count_total c 0
app_send_packet_bytes_total c 0
app_send_packet_count_total c 0
app_sendack_packet_bytes_total c 0
app_sendack_packet_count_total c 0
cluster_channel_active_count g 0
cluster_channel_log_incoming_bytes_total c 0
cluster_channel_log_incoming_count_total c 0
cluster_channel_log_outgoing_bytes_total c 0
cluster_channel_log_outgoing_count_total c 0
cluster_channel_msg_incoming_bytes_total c 0
cluster_channel_msg_incoming_count_total c 0
cluster_channel_msg_outgoing_bytes_total c 0
cluster_channel_msg_outgoing_count_total c 0
cluster_channel_msg_sync_incoming_bytes_total c 0
cluster_channel_msg_sync_incoming_count_total c 0
cluster_channel_msg_sync_outgoing_bytes_total c 0
cluster_channel_msg_sync_outgoing_count_total c 0
cluster_channel_propose_count_total c 0
cluster_channel_propose_failed_count_total c 0
cluster_channel_propose_latency_over_500ms_total c 0
cluster_channel_propose_latency_under_500ms_total c 0
cluster_message_concurrency_total c 0
cluster_msg_incoming_bytes_total c 0
cluster_msg_incoming_count_total c 0
cluster_msg_outgoing_bytes_total c 0
cluster_msg_outgoing_count_total c 0
cluster_msg_ping_incoming_bytes_total c 0
cluster_msg_ping_incoming_count_total c 0
cluster_msg_ping_outgoing_bytes_total c 0
cluster_msg_ping_outgoing_count_total c 0
cluster_msg_pong_incoming_bytes_total c 0
cluster_msg_pong_incoming_count_total c 0
cluster_msg_pong_outgoing_bytes_total c 0
cluster_msg_pong_outgoing_count_total c 0
cluster_msg_sync_incoming_bytes_total c 0
cluster_msg_sync_incoming_count_total c 0
cluster_msg_sync_outgoing_bytes_total c 0
cluster_msg_sync_outgoing_count_total c 0
cluster_msg_syncresp_Incoming_bytes_total c 0
cluster_msg_syncresp_Incoming_count_total c 0
cluster_msg_syncresp_outgoing_bytes_total c 0
cluster_msg_syncresp_outgoing_count_total c 0
cluster_sendpacket_incoming_bytes_total c 0
cluster_sendpacket_incoming_count_total c 0
cluster_sendpacket_outgoing_bytes_total c 0
cluster_sendpacket_outgoing_count_total c 0
cluster_slot_msg_sync_incoming_bytes_total c 0
cluster_slot_msg_sync_incoming_count_total c 0
cluster_slot_msg_sync_outgoing_bytes_total c 0
cluster_slot_msg_sync_outgoing_count_total c 0
db_add_allowlist_count_total c 0
db_add_channel_count_total c 0
db_add_denylist_count_total c 0
db_add_device_count_total c 0
db_add_or_update_conversations_add_with_user_count_total c 0
db_add_or_update_conversations_count_total c 0
db_add_subscribers_count_total c 0
db_add_system_uids_count_total c 0
db_alllevel_bytes_compacted g 0
db_alllevel_bytes_flushed g 2190
db_alllevel_bytes_in g 2190
db_alllevel_bytes_ingested g 0
db_alllevel_bytes_moved g 0
db_alllevel_bytes_read g 0
db_alllevel_compact_score g 0
db_alllevel_file_size g 0
db_alllevel_num_files g 0
db_alllevel_tables_compacted g 0
db_alllevel_tables_flushed g 0
db_alllevel_tables_ingested g 0
db_alllevel_tables_moved g 0
db_append_message_of_notify_queue_count_total c 0
db_append_messages_batch_count_total c 0
db_append_messages_count_total c 0
db_commit_count_total c 0
db_compact_default_count g 0
db_compact_delete_only_count g 0
db_compact_elision_only_count g 0
db_compact_estimated_debt g 0
db_compact_in_progress_bytes g 0
db_compact_marked_files g 0
db_compact_move_count g 0
db_compact_multi_level_count g 0
db_compact_num_in_progress g 0
db_compact_read_count g 0
db_compact_rewrite_count g 0
db_compact_total_count g 0
db_delete_channel_count_total c 0
db_delete_conversation_count_total c 0
db_delete_conversations_count_total c 0
db_delete_count_total c 0
db_delete_leader_term_start_index_greater_than_term_count_total c 0
db_deleterange_count_total c 0
db_disk_space_usage g 4570
db_exist_allowlist_count_total c 0
db_exist_channel_count_total c 0
db_exist_conversation_count_total c 0
db_exist_denylist_count_total c 0
db_exist_subscriber_count_total c 0
db_flush_as_ingest_bytes g 0
db_flush_as_ingest_count g 0
db_flush_as_ingest_table_count g 0
db_flush_bytes g 0
db_flush_count g 0
db_flush_num_in_progress g 0
db_get_allowlist_count_total c 0
db_get_channel_applied_index_count_total c 0
db_get_channel_cluster_config_count_count_total c 0
db_get_channel_cluster_config_count_total c 0
db_get_channel_cluster_config_version_count_total c 0
db_get_channel_cluster_config_with_slot_count_total c 0
db_get_channel_cluster_configs_count_total c 0
db_get_channel_count_total c 0
db_get_channel_last_message_seq_count_total c 0
db_get_conversation_count_total c 0
db_get_conversations_by_type_count_total c 0
db_get_conversations_count_total c 0
db_get_denylist_count_total c 0
db_get_device_count_count_total c 0
db_get_device_count_total c 0
db_get_devices_count_total c 0
db_get_last_conversations_count_total c 0
db_get_message_count_total c 0
db_get_messages_of_notify_queue_count_total c 0
db_get_subscribers_count_total c 0
db_get_system_uids_count_total c 0
db_has_allowlist_count_total c 0
db_leader_last_term_count_total c 0
db_leader_last_term_greater_than_count_total c 0
db_leader_term_start_index_count_total c 0
db_load_last_msgs_count_total c 0
db_load_last_msgs_with_end_count_total c 0
db_load_msg_count_total c 0
db_load_next_range_msgs_count_total c 0
db_load_next_range_msgs_for_size_count_total c 0
db_load_prev_range_msgs_count_total c 0
db_log_writer_bytes g 0
db_memtable_count g 1
db_memtable_size g 0
db_memtable_zombie_count g 0
db_memtable_zombie_size g 0
db_message_append_batch_count_total c 0
db_remove_all_allowlist_count_total c 0
db_remove_all_denylist_count_total c 0
db_remove_all_subscriber_count_total c 0
db_remove_allowlist_count_total c 0
db_remove_denylist_count_total c 0
db_remove_messages_of_notify_queue_count_total c 0
db_remove_subscribers_count_total c 0
db_remove_system_uids_count_total c 0
db_save_channel_cluster_config_count_total c 0
db_save_channel_cluster_configs_count_total c 0
db_search_channel_cluster_configs_count_total c 0
db_search_channels_count_total c 0
db_search_conversation_count_total c 0
db_search_devices_count_total c 0
db_search_messages_count_total c 0
db_set_channel_last_message_seq_count_total c 0
db_set_count_total c 0
db_set_leader_term_start_index_count_total c 0
db_snapshots_count g 0
db_table_cache_count g 0
db_table_cache_size g 0
db_table_iters_count g 0
db_truncate_log_to_count_total c 0
db_update_channel_applied_index_count_total c 0
db_update_channel_count_total c 0
db_update_device_count_total c 0
db_wal_bytes_in g 2135
db_wal_bytes_written g 2190
db_wal_files_count g 2190
db_wal_obsolete_files_count g 0
db_wal_obsolete_physical_size g 0
db_wal_physical_size g 2190
db_wal_size g 0

system_cpu_percent_total c 0
system_extranet_incoming_bytes_total c 0
system_extranet_outgoing_bytes_total c 0
system_intranet_incoming_bytes_total c 0
system_intranet_outgoing_bytes_total c 0
"""

RUNTIME = """
go_goroutines g 1113 Number of goroutines that currently exist.
go_memstats_alloc_bytes g 1.15326e+08 Number of bytes allocated and still in use.
go_memstats_alloc_bytes_total c 7.00894e+08 Total number of bytes allocated, even if freed.
go_memstats_buck_hash_sys_bytes g 1.49741e+06 Number of bytes used by the profiling bucket hash table.
go_memstats_frees_total c 9.6858e+06 Total number of frees.
go_memstats_gc_sys_bytes g 5.4203e+06 Number of bytes used for garbage collection system metadata.
go_memstats_heap_alloc_bytes g 1.15326e+08 Number of heap bytes allocated and still in use.
go_memstats_heap_idle_bytes g 3.0335e+07 Number of heap bytes waiting to be used.
go_memstats_heap_inuse_bytes g 1.19513e+08 Number of heap bytes that are in use.
go_memstats_heap_objects g 640544 Number of allocated objects.
go_memstats_heap_released_bytes g 3.88301e+06 Number of heap bytes released to OS.
go_memstats_heap_sys_bytes g 1.49848e+08 Number of heap bytes obtained from system.
go_memstats_last_gc_time_seconds g 1.79527e+09 Number of seconds since 1970 of last garbage collection.
go_memstats_lookups_total c 0 Total number of pointer lookups.
go_memstats_mallocs_total c 1.03263e+07 Total number of mallocs.
go_memstats_mcache_inuse_bytes g 4592 Number of bytes in use by mcache structures.
go_memstats_mcache_sys_bytes g 16072 Number of bytes used for mcache structures obtained from system.
go_memstats_mspan_inuse_bytes g 1.09632e+06 Number of bytes in use by mspan structures.
go_memstats_mspan_sys_bytes g 1.5504e+06 Number of bytes used for mspan structures obtained from system.
go_memstats_next_gc_bytes g 1.46453e+08 Number of heap bytes when next garbage collection will take place.
go_memstats_other_sys_bytes g 844749 Number of bytes used for other system allocations.
go_memstats_stack_inuse_bytes g 5.34118e+06 Number of bytes in use by the stack allocator.
go_memstats_stack_sys_bytes g 5.34118e+06 Number of bytes obtained from system for stack allocator.
go_memstats_sys_bytes g 1.64518e+08 Number of bytes obtained from system.
go_threads g 19 Number of OS threads created.
process_cpu_seconds_total c 29.04 Total user and system CPU time spent in seconds.
process_max_fds g 20000 Maximum number of open file descriptors.
process_open_fds g 171 Number of open file descriptors.
process_resident_memory_bytes g 1.24867e+08 Resident memory size in bytes.
process_start_time_seconds g 1.79527e+09 Start time of the process since unix epoch in seconds.
process_virtual_memory_bytes g 1.46403e+09 Virtual memory size in bytes.
process_virtual_memory_max_bytes g 1.84467e+19 Maximum amount of virtual memory available in bytes.
"""

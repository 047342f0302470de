"""The program git, called so that nothing of a repository is executed (projects.md section 3).

layout.generation_folder(...)     where a mirror's repositories lie
processes.run_git / open_git      one call, with the fixed environment, configuration and limits
objects.ObjectReader              blobs and headers of one repository, by `cat-file --batch-command`
trees.iter_tree                   the entries of a commit's tree
"""

package main

import (
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

type completion = func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective)

// completeServices offers the services that can be built and are not named yet.
func completeServices(project *projectFlags) completion {
	return func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		p, err := project.load(cmd.Context(), nil, false)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var names []string
		for _, s := range p.Services {
			if strings.HasPrefix(s.Name, word) && !slices.Contains(args, s.Name) {
				names = append(names, s.Name)
			}
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}

// completeTargets offers kinds, stages and SERVICE=STAGE for --target.
func completeTargets(cmd *cobra.Command, from *planFlags) {
	_ = cmd.RegisterFlagCompletionFunc("target", func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		p, err := from.project.load(cmd.Context(), args, false)
		if err != nil {
			return []string{string(targets.Dev), string(targets.Prod)}, cobra.ShellCompDirectiveNoFileComp
		}
		words := map[string]bool{string(targets.Dev): true, string(targets.Prod): true}
		for service, stages := range targets.Stages(p) {
			for _, stage := range stages {
				words[stage] = true
				if strings.HasPrefix(word, service+"=") {
					words[service+"="+stage] = true
				}
			}
		}
		return slices.DeleteFunc(slices.Sorted(maps.Keys(words)), func(w string) bool { return !strings.HasPrefix(w, word) }), cobra.ShellCompDirectiveNoFileComp
	})
}

func completeBuilders(a *app) completion {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		names, err := a.builders()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}

func completeComposeFiles(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return []string{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt
}
